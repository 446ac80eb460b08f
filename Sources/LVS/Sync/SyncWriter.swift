import Wire

/// A message of a master while records are added to it.
struct SyncWriter {
    private(set) var bytes: [UInt8]
    let version: Int
    /// When its first record came.
    let begun: Instant
    private let limit: Int

    private static func headerLength(_ version: Int) -> Int { version == 0 ? 4 : 8 }

    /// An empty message.
    /// - Parameters:
    ///   - limit: its longest payload in bytes; a single record may be longer.
    ///   - first: bytes of the first record.
    init(version: Int, syncID: UInt8, limit: Int, first: Int, at now: Instant) {
        self.version = version
        begun = now
        let header = Self.headerLength(version)
        self.limit = max(limit, header + first)
        bytes = []
        bytes.reserveCapacity(self.limit)
        // Version 1 begins with a 0 where version 0 counts its records: who reads version 0 only finds none.
        bytes += [0, syncID, 0, UInt8(header)]
        if version != 0 { bytes += [0, 1, 0, 0] }
    }

    /// Bytes of a record, without what aligns it.
    static func length(of record: borrowing SyncRecord, version: Int) -> Int {
        let hasSequences = !record.flags.isDisjoint(with: .sequences)
        guard version != 0 else { return 24 + (hasSequences ? SyncSequences.length : 0) }
        var length = record.client.isV4 ? 36 : 72
        if hasSequences { length += SyncSequences.length + 2 }
        if !record.data.isEmpty { length += record.data.count + 2 + record.engine.utf8.count + 2 }
        return length
    }

    /// Zeros in front of the next record, which begins at a word.
    private var padding: Int { version == 0 ? 0 : -bytes.count & 3 }

    func hasRoom(for length: Int) -> Bool { bytes.count + padding + length <= limit }

    mutating func append(_ record: borrowing SyncRecord) {
        for _ in 0..<padding { bytes.append(0) }
        if version == 0 { appendVersion0(record) } else { appendVersion1(record) }
        let count = version == 0 ? 0 : 4
        // A byte counts them; a message that may be so long that there are more counts on from 0, as the kernel's does.
        bytes[count] &+= 1
        bytes[2] = UInt8(truncatingIfNeeded: bytes.count >> 8)
        bytes[3] = UInt8(truncatingIfNeeded: bytes.count)
    }

    private mutating func appendVersion1(_ record: borrowing SyncRecord) {
        bytes.append(record.client.isV4 ? 0 : 1)
        bytes.append(record.proto)
        put(UInt16(truncatingIfNeeded: Self.length(of: record, version: 1) & 0xfff))
        put(record.flags.rawValue)
        put(record.state)
        put(record.clientPort)
        put(record.virtualPort)
        put(record.serverPort)
        put(record.mark)
        put(record.timeout)
        for address in [record.client, record.virtual, record.server] { put(address) }
        if !record.flags.isDisjoint(with: .sequences) {
            bytes += [SyncOption.sequences, UInt8(SyncSequences.length)]
            let words = record.sequences ?? SyncSequences()
            for place in 0..<6 { put(words.words[place]) }
        }
        guard !record.data.isEmpty else { return }
        bytes += [SyncOption.data, UInt8(truncatingIfNeeded: record.data.count)] + record.data
        bytes += [SyncOption.engine, UInt8(truncatingIfNeeded: record.engine.utf8.count)] + Array(record.engine.utf8)
    }

    private mutating func appendVersion0(_ record: borrowing SyncRecord) {
        bytes += [0, record.proto]
        put(record.clientPort)
        put(record.virtualPort)
        put(record.serverPort)
        for address in [record.client, record.virtual, record.server] { put(address) }
        put(UInt16(truncatingIfNeeded: record.flags.rawValue))
        put(record.state)
        guard !record.flags.isDisjoint(with: .sequences) else { return }
        let words = record.sequences ?? SyncSequences()
        // In the byte order of whoever sends it.
        for place in 0..<6 { put(words.words[place].byteSwapped) }
    }

    private mutating func put(_ number: UInt16) {
        bytes.append(UInt8(truncatingIfNeeded: number >> 8))
        bytes.append(UInt8(truncatingIfNeeded: number))
    }

    private mutating func put(_ number: UInt32) {
        put(UInt16(truncatingIfNeeded: number >> 16))
        put(UInt16(truncatingIfNeeded: number))
    }

    private mutating func put(_ address: IPAddress) {
        guard !address.isV4 else { return put(address.v4) }
        for half in [address.high, address.low] {
            put(UInt32(truncatingIfNeeded: half >> 32))
            put(UInt32(truncatingIfNeeded: half))
        }
    }
}

/// Types of what may follow a record's fixed part (IPVS_OPT_*).
enum SyncOption {
    static let sequences: UInt8 = 1
    static let data: UInt8 = 2
    static let engine: UInt8 = 3
    /// Who does not know the option may pass it over.
    static let isOptional: UInt8 = 0x40
    /// Longest name of an engine.
    static let longestEngine = 16
}
