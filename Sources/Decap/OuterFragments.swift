public import Wire

/// Fragments of outer packets that wait for the rest: what came too large for a link on the way, or left the director
/// fragmented because the client's packet allowed that.
///
/// Memory is bounded; the oldest datagrams give way. A fragment that overlaps others spoils its datagram (RFC 5722).
///
/// The director puts fragments together with code of its own (`ReassemblyTable`): there it has to be, fragment for fragment
/// and byte for byte of accounted memory, what Linux does, since its cases are compared with the kernel's, and a datagram
/// keeps how it came in so that it can leave the same way. Here nothing is sent on in fragments and nobody compares: what
/// counts is that a flood pushes out the oldest and never blocks, in a module that needs `Wire` alone.
public struct OuterFragments {
    /// Datagrams given up: incomplete for too long, contradictory, or pushed out.
    public private(set) var lost: UInt64 = 0
    private var waiting: [Key: Datagram] = [:]
    /// In order of arrival of their first fragment.
    private var order: [Key] = []
    private let limit: Int
    private let patience: UInt64

    private struct Key: Hashable {
        var source: IPAddress
        var destination: IPAddress
        var proto: UInt8
        var id: UInt32
    }

    private struct Datagram {
        var since: UInt64
        /// Everything in front of the payload, from the fragment with offset 0.
        var headers: [UInt8]?
        var pieces: [(offset: Int, bytes: [UInt8])] = []
        /// Length of the payload, known from the last fragment.
        var total: Int?
    }

    /// - Parameters:
    ///   - limit: datagrams that may wait at a time.
    ///   - patience: nanoseconds until one is given up.
    public init(limit: Int = 256, patience: UInt64 = 30 * UInt64(second)) {
        self.limit = limit
        self.patience = patience
    }

    /// Datagrams that wait.
    public var count: Int { waiting.count }

    /// Takes a fragment; the whole packet when it was the last one missing.
    public mutating func add(_ packet: Bytes, at now: UInt64) -> [UInt8]? {
        guard let outer = Outer(packet), outer.isFragment, let fragment = Fragment(packet, outer) else { return nil }
        giveUp(at: now)
        let key = Key(source: outer.source, destination: outer.destination, proto: fragment.proto, id: fragment.id)
        if waiting[key] == nil {
            if waiting.count >= limit, let oldest = order.first { lose(oldest) }
            waiting[key] = Datagram(since: now)
            order.append(key)
        }
        guard insert(fragment, packet, key) else {
            lose(key)
            return nil
        }
        guard let datagram = waiting[key], let whole = Self.whole(datagram) else { return nil }
        forget(key)
        return whole
    }

    private struct Fragment {
        var id: UInt32
        var offset: Int
        var isLast: Bool
        /// IPv4: part of what tells datagrams apart; 0 for IPv6.
        var proto: UInt8 = 0
        var headerLength: Int
        var payload: Bytes
        /// IPv6: what follows the fragment header, and where that is to be named instead.
        var follows: (header: UInt8, place: Int)?

        init?(_ packet: Bytes, _ outer: Outer) {
            if packet[0] >> 4 == 4 {
                guard let header = IPv4Header(packet) else { return nil }
                id = UInt32(header.id)
                offset = header.fragmentOffset
                isLast = !header.moreFragments
                proto = outer.proto
                headerLength = header.length
                payload = outer.payload
                return
            }
            guard let header = IPv6Header(packet), let extensions = IPv6Extensions(packet), extensions.fragmentHeader > 0 else {
                return nil
            }
            let start = extensions.fragmentHeader
            let word = packet.big16(at: start + 2)
            id = packet.big32(at: start + 4)
            offset = Int(word & 0xfff8)
            isLast = word & 1 == 0
            headerLength = start
            payload = packet.prefix(header.payloadLength + 40).dropFirst(start + 8)
            follows = (packet[start], Self.naming(start, in: packet))
        }

        /// Where the byte stands that names the header at `start`.
        private static func naming(_ start: Int, in packet: Bytes) -> Int {
            var place = 6, header = 40
            while header < start {
                place = header
                header += (Int(packet[header + 1]) + 1) * 8
            }
            return place
        }
    }

    /// Files a fragment; false when it contradicts the others.
    private mutating func insert(_ fragment: Fragment, _ packet: Bytes, _ key: Key) -> Bool {
        let start = fragment.offset, length = fragment.payload.count, end = start + length
        guard end <= 65535, length > 0, fragment.isLast || length & 7 == 0, var datagram = waiting[key] else { return false }
        if fragment.isLast {
            guard datagram.total ?? end == end else { return false }
            datagram.total = end
        }
        if let total = datagram.total, end > total || datagram.pieces.contains(where: { $0.offset + $0.bytes.count > total }) {
            return false
        }
        // The same fragment twice is the network's doing.
        if datagram.pieces.contains(where: { $0.offset == start && $0.bytes.count == length }) { return true }
        guard !datagram.pieces.contains(where: { $0.offset < end && start < $0.offset + $0.bytes.count }) else { return false }
        datagram.pieces.append((start, fragment.payload.array))
        if start == 0 {
            var headers = packet.prefix(fragment.headerLength).array
            if let follows = fragment.follows { headers[follows.place] = follows.header }
            datagram.headers = headers
        }
        waiting[key] = datagram
        return true
    }

    private static func whole(_ datagram: Datagram) -> [UInt8]? {
        guard let total = datagram.total, let headers = datagram.headers, datagram.pieces.reduce(0, { $0 + $1.bytes.count }) == total,
            headers.count + total <= 65575
        else { return nil }
        var packet = headers
        packet.reserveCapacity(headers.count + total)
        for piece in datagram.pieces.sorted(by: { $0.offset < $1.offset }) { packet += piece.bytes }
        packet.withBytes { bytes in
            if let header = IPv4Header(bytes) {
                header.totalLength = bytes.count
                header.fragmentWord = 0
                header.fillChecksum()
            } else if let header = IPv6Header(bytes) {
                header.payloadLength = bytes.count - 40
            }
        }
        // An IPv4 packet of more than 65535 bytes has no length of its own.
        return packet[0] >> 4 == 4 && packet.count > 65535 ? nil : packet
    }

    /// Gives up what has waited too long.
    public mutating func giveUp(at now: UInt64) {
        while let oldest = order.first, let datagram = waiting[oldest], now &- datagram.since > patience, now > datagram.since {
            lose(oldest)
        }
    }

    private mutating func lose(_ key: Key) {
        lost &+= 1
        forget(key)
    }

    private mutating func forget(_ key: Key) {
        waiting[key] = nil
        if let place = order.firstIndex(of: key) { order.remove(at: place) }
    }
}
