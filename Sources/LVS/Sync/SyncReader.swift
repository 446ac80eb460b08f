import Wire

/// Reads a message of a master, record by record, as the kernel's backup does: what it believes is believed, and what it
/// stops at stops here.
struct SyncReader {
    private let bytes: Bytes
    private let version: Int
    private var left: Int
    private var place: Int

    /// What stands in the place of a record.
    enum Entry {
        case record(SyncRecord)
        /// A record that cannot be used, in a message that goes on.
        case unusable
    }

    /// - Returns: `nil` when the length is not the one that the message says, or it is for those with another `syncID`; a
    ///   backup whose own is 0 listens to all.
    init?(_ bytes: Bytes, syncID: UInt8) {
        guard bytes.count >= 4, bytes.count == Int(bytes.big16(at: 2)), syncID == 0 || bytes[1] == syncID else { return nil }
        self.bytes = bytes
        // What is not wholly a header of version 1 is one of version 0.
        let isVersion1 = bytes.count >= 8 && bytes[5] == 1 && bytes[0] == 0 && bytes.big16(at: 6) == 0
        version = isVersion1 ? 1 : 0
        left = Int(bytes[isVersion1 ? 4 : 0])
        place = isVersion1 ? 8 : 4
    }

    /// The next record; `nil` behind the last one, and where the message cannot be followed any further. What is left over then
    /// says `isBroken`.
    mutating func next() -> Entry? {
        guard left > 0 else { return nil }
        guard let entry = version == 1 ? nextVersion1() : nextVersion0() else {
            isBroken = true
            left = 0
            return nil
        }
        left -= 1
        return entry
    }

    /// The message ended amid its records.
    private(set) var isBroken = false

    private mutating func nextVersion0() -> Entry? {
        guard bytes.holds(24, at: place) else { return nil }
        let start = place
        var record = SyncRecord(
            proto: bytes[start + 1], flags: SyncFlags(rawValue: UInt32(bytes.big16(at: start + 20))), state: bytes.big16(at: start + 22),
            client: IPAddress(v4: bytes.big32(at: start + 8)), clientPort: bytes.big16(at: start + 2),
            virtual: IPAddress(v4: bytes.big32(at: start + 12)), virtualPort: bytes.big16(at: start + 4),
            server: IPAddress(v4: bytes.big32(at: start + 16)), serverPort: bytes.big16(at: start + 6), mark: 0, timeout: 0)
        place += 24
        if !record.flags.isDisjoint(with: .sequences) {
            guard bytes.holds(SyncSequences.length, at: place) else { return nil }
            var sequences = SyncSequences()
            for word in 0..<6 { sequences.words[word] = bytes.big32(at: place + word * 4).byteSwapped }
            record.sequences = sequences
            place += SyncSequences.length
        }
        return .record(record)
    }

    private mutating func nextVersion1() -> Entry? {
        guard bytes.holds(36, at: place) else { return nil }
        let size = bytes.big16(at: place + 2)
        let length = Int(size & 0xfff), type = bytes[place]
        guard size >> 12 == 0, bytes.holds(length, at: place) else { return nil }
        let isV6 = type & 1 != 0
        guard isV6 || type == 0 else { return nil }
        let fixed = isV6 ? 72 : 36
        guard length >= fixed else { return nil }
        let whole = bytes.dropFirst(place).prefix(length)
        place += (length + 3) & ~3
        return Self.read(whole, isV6: isV6, fixed)
    }

    private static func read(_ bytes: Bytes, isV6: Bool, _ fixed: Int) -> Entry? {
        func address(_ number: Int) -> IPAddress {
            guard isV6 else { return IPAddress(v4: bytes.big32(at: 24 + number * 4)) }
            return IPAddress(high: bytes.big64(at: 24 + number * 16), low: bytes.big64(at: 32 + number * 16))
        }
        var record = SyncRecord(
            proto: bytes[1], flags: SyncFlags(rawValue: bytes.big32(at: 4)).intersection(.keptWithMethod),
            state: bytes.big16(at: 8), client: address(0), clientPort: bytes.big16(at: 10), virtual: address(1),
            virtualPort: bytes.big16(at: 12), server: address(2), serverPort: bytes.big16(at: 14), mark: bytes.big32(at: 16),
            timeout: bytes.big32(at: 20))
        guard !isV6 || ![record.client, record.virtual, record.server].contains(where: \.isV4) else { return .unusable }
        // Without a protocol the virtual address is a mark, of 32 bits.
        if isV6, record.proto == 0 { record.virtual = IPAddress(high: record.virtual.high & ~0xffff_ffff, low: 0) }
        return readOptions(bytes.dropFirst(fixed), into: &record)
    }

    /// The options fill a record to its end. A length that cannot be, or an option that stands there twice, ends the message.
    private static func readOptions(_ options: Bytes, into record: inout SyncRecord) -> Entry? {
        var place = 0
        var data: [UInt8]?, engine: [UInt8]?
        while place < options.count {
            guard options.holds(2, at: place) else { return nil }
            let type = options[place], length = Int(options[place + 1])
            guard length > 0, options.holds(length, at: place + 2) else { return nil }
            let value = options.dropFirst(place + 2).prefix(length)
            switch type & ~SyncOption.isOptional {
            case SyncOption.sequences:
                guard length == SyncSequences.length, record.sequences == nil else { return nil }
                var sequences = SyncSequences()
                for word in 0..<6 { sequences.words[word] = value.big32(at: word * 4) }
                record.sequences = sequences
            case SyncOption.data:
                guard data == nil else { return nil }
                data = value.array
            case SyncOption.engine:
                guard length <= SyncOption.longestEngine, engine == nil else { return nil }
                engine = value.array
            default:
                guard type & SyncOption.isOptional != 0 else { return .unusable }
            }
            place += 2 + length
        }
        // Data of no engine's are nobody's; an engine without data has found nothing.
        guard let data else { return .record(record) }
        guard let engine else { return .unusable }
        record.data = data
        record.engine = String(decoding: engine.prefix { $0 != 0 }, as: UTF8.self)
        return .record(record)
    }
}

extension SyncFlags {
    fileprivate static let keptWithMethod = SyncFlags.kept.union([SyncFlags(rawValue: 7), .onePacket])
}
