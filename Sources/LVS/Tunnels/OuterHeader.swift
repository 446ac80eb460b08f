public import Wire

/// The bytes in front of every packet to one real server: a template, laid down once, and a list of the places behind the
/// outer IP header that depend on the packet. Plain data: one loop writes the header of any tunnel, and nothing is
/// allocated on the way.
public struct OuterHeader: BitwiseCopyable {
    /// Bytes in front of the inner packet.
    public private(set) var length = 0
    /// Version of the outer IP header.
    public private(set) var family = IPFamily.v4
    /// Version of the packets that it is for.
    private(set) var inner = IPFamily.v4
    /// What becomes of an inner transport checksum that is still to be filled in.
    public var partialChecksum = PartialChecksum.moves
    /// Generation of the way that its source address comes from; 0 when it has to be laid down anew.
    var generation: UInt32 = 0
    /// The next outer IPv4 identification.
    var id: UInt16 = 0
    private var patchCount: UInt8 = 0
    private var patches = InlineArray<6, Patch>(repeating: Patch())
    private var words = InlineArray<8, UInt64>(repeating: 0)

    public enum PartialChecksum: UInt8, BitwiseCopyable, Sendable {
        /// It is filled in by whoever sends the frame; only the place is another.
        case moves
        /// An outer checksum covers the packet, so it has to be complete first.
        case completed
        /// The receiver of the tunnel completes it.
        case leftToReceiver
    }

    /// A place behind the IP header that depends on the packet.
    struct Patch: BitwiseCopyable {
        var kind = Kind.length
        var at: UInt8 = 0
        /// Where the bytes begin that are counted or summed.
        var from: UInt8 = 0
    }

    /// What stands at such a place. Patches are applied in the order in which they were added.
    public enum Kind: UInt8, BitwiseCopyable, Sendable {
        /// Number of bytes from `from` to the end of the packet, 16 bits.
        case length
        /// UDP source port made from the inner flow.
        case flowPort
        /// Where the inner checksum begins and where it is stored, 16 bits each, from the start of the inner packet.
        case remoteChecksum
        /// Checksum of the UDP datagram that begins at `from`.
        case datagramChecksum
        /// Checksum from `from` to the end of the packet, no pseudo-header.
        case checksum
    }

    /// The outer IP header alone, as far as it is the same for all packets; the tunnel appends what follows.
    init(from source: IPAddress, to destination: IPAddress, proto: UInt8, carrying inner: IPFamily) {
        family = destination.family
        self.inner = inner
        let isV4 = family == .v4
        append(family.headerLength) { bytes in
            if isV4 {
                IPv4Header.write(to: bytes, totalLength: 0, proto: proto, from: source, to: destination, timeToLive: 0)
                bytes.setBig16(0, at: 10)
            } else {
                IPv6Header.write(to: bytes, payloadLength: 0, nextHeader: proto, from: source, to: destination, hopLimit: 0)
            }
        }
    }

    private init() {}

    /// Goes on with the identifications of one that another director laid down, whatever else it holds.
    mutating func restore() {
        let (number, wasLaid) = (id, generation != 0)
        self = OuterHeader()
        id = number
        // Laid down before, for a network that is outdated by now.
        generation = wasLaid ? .max : 0
    }

    /// Lays down `count` more bytes, a multiple of 4; `fill` writes them over zeros.
    public mutating func append(_ count: Int, _ fill: (Bytes) -> Void) {
        var laid = [UInt8](repeating: 0, count: words.count * 8)
        guard count >= 0, count & 3 == 0, length + count <= laid.count else { return }
        let start = length
        laid.withBytes { bytes in
            for i in 0..<words.count { bytes.setBig64(words[i], at: i * 8) }
            fill(bytes.dropFirst(start).prefix(count))
            for i in 0..<words.count { words[i] = bytes.big64(at: i * 8) }
        }
        length += count
    }

    /// Adds a place that depends on the packet; `from` is where the bytes begin that it counts or sums.
    public mutating func patch(_ kind: Kind, at offset: Int, from start: Int = 0) {
        guard Int(patchCount) < patches.count else { return }
        patches[Int(patchCount)] = Patch(kind: kind, at: UInt8(truncatingIfNeeded: offset), from: UInt8(truncatingIfNeeded: start))
        patchCount += 1
    }

    /// What the header takes over from an inner packet, and what is decided anew for each.
    struct Contents: BitwiseCopyable {
        /// Of the outer header: the inner one, ECN as RFC 3168 section 9.1.1 has it.
        var typeOfService: UInt8
        /// The inner packet's TTL or hop limit.
        var hops: UInt8
        /// IPv4: the outer packet may not be fragmented, and then needs no identification (RFC 6864).
        var dontFragment: Bool
        var id: UInt16
        var flow: Flow
        /// First and last of the ports that flows are told apart by.
        var ports: (UInt32, UInt32)
        /// From the start of the inner packet.
        var checksumStart: UInt16 = 0
        var checksumField: UInt16 = 0
    }

    /// Writes the header to the start of `bytes`, which reach to the end of the inner packet.
    @inline(__always)
    func write(to bytes: Bytes, for contents: Contents) {
        if family == .v4 { writeIPv4(to: bytes, contents) } else { writeIPv6(to: bytes, contents) }
        var offset = family == .v4 ? 16 : 40
        while offset &+ 8 <= length {
            bytes.setBig64(words[offset >> 3], at: offset)
            offset &+= 8
        }
        if offset < length { bytes.setBig32(UInt32(truncatingIfNeeded: words[offset >> 3] >> 32), at: offset) }
        for i in 0..<Int(patchCount) { apply(patches[i], to: bytes, contents) }
    }

    /// The first 16 bytes; the checksum is made from the words before they are stored.
    @inline(__always)
    private func writeIPv4(to bytes: Bytes, _ contents: Contents) {
        let number = contents.dontFragment ? 0x4000 : UInt64(contents.id) << 16
        let first = words[0] | UInt64(contents.typeOfService) << 48 | UInt64(UInt16(truncatingIfNeeded: bytes.count)) << 32 | number
        let second = words[1] | UInt64(contents.hops) << 56
        var sum = (first >> 32) &+ (first & 0xffff_ffff) &+ (second >> 32) &+ (second & 0xffff_ffff) &+ (words[2] >> 32)
        sum = (sum & 0xffff_ffff) &+ (sum >> 32)
        sum = (sum & 0xffff) &+ (sum >> 16)
        sum = (sum & 0xffff) &+ (sum >> 16)
        sum = (sum & 0xffff) &+ (sum >> 16)
        bytes.setBig64(first, at: 0)
        bytes.setBig64(second | (~sum & 0xffff) << 32, at: 8)
    }

    @inline(__always)
    private func writeIPv6(to bytes: Bytes, _ contents: Contents) {
        bytes.setBig64(
            words[0] | UInt64(contents.typeOfService) << 52 | UInt64(UInt16(truncatingIfNeeded: bytes.count &- 40)) << 16
                | UInt64(contents.hops), at: 0)
        for i in 1..<5 { bytes.setBig64(words[i], at: i &* 8) }
    }

    @inline(__always)
    private func apply(_ patch: Patch, to bytes: Bytes, _ contents: Contents) {
        let at = Int(patch.at), from = Int(patch.from)
        switch patch.kind {
        case .length: bytes.setBig16(UInt16(truncatingIfNeeded: bytes.count &- from), at: at)
        case .flowPort: bytes.setBig16(contents.flow.port(from: contents.ports.0, to: contents.ports.1), at: at)
        case .remoteChecksum:
            bytes.setBig16(contents.checksumStart, at: at)
            bytes.setBig16(contents.checksumField, at: at &+ 2)
        case .datagramChecksum: bytes.setBig16(datagramChecksum(bytes, from), at: at)
        case .checksum: bytes.setBig16(Checksum.of(bytes.dropFirst(from)), at: at)
        }
    }

    @inline(never)
    private func datagramChecksum(_ bytes: Bytes, _ from: Int) -> UInt16 {
        let isV4 = family == .v4
        let value = Checksum.of(
            bytes.dropFirst(from), from: isV4 ? bytes.ipv4(at: 12) : bytes.ipv6(at: 8),
            to: isV4 ? bytes.ipv4(at: 16) : bytes.ipv6(at: 24), proto: IPProtocol.udp)
        return value == 0 ? 0xffff : value
    }
}

extension Flow {
    /// A port between two that stands for the flow: the same for all of its packets, as evenly spread as the flows are
    /// (udp_flow_src_port).
    func port(from first: UInt32, to last: UInt32) -> UInt16 {
        var mixed = source.high ^ (destination.high &* 0x9e37_79b9_7f4a_7c15)
        mixed = (mixed ^ source.low) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 32 ^ destination.low) &* 0x94d0_49bb_1331_11eb
        mixed = (mixed ^ mixed >> 29 ^ UInt64(sourcePort) << 32 ^ UInt64(destinationPort) << 16 ^ UInt64(proto)) &* 0xbf58_476d_1ce4_e5b9
        var hash = UInt32(truncatingIfNeeded: mixed >> 32)
        hash ^= hash << 16
        let span = last > first ? last &- first : 0
        return UInt16(truncatingIfNeeded: first &+ UInt32(truncatingIfNeeded: (UInt64(hash) &* UInt64(span)) >> 32))
    }
}
