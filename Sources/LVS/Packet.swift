public import Wire

/// What the director needs to know about a frame, found in one look: kinds, offsets, flow.
public struct Packet: BitwiseCopyable {
    /// What the frame turned out to be.
    public enum Kind: UInt8, BitwiseCopyable {
        /// An IP packet that is whole, or a fragment.
        case ip
        case arp
        /// Some other Ethernet type.
        case foreign
        /// Too short, or lengths and checksums that contradict each other.
        case malformed
    }

    public var kind: Kind
    /// IP version; meaningless unless `kind` is `.ip`.
    public var family: IPFamily
    /// TCP flags, or the type of an ICMP message or of the first SCTP chunk; 0 when there is none.
    public var detail: UInt8
    /// Fragment of a larger datagram; `laterFragment` when it does not hold the transport header.
    public var isFragment: Bool
    public var isLaterFragment: Bool
    /// IPv4 options, or IPv6 hop-by-hop options, are there.
    public var hasOptions: Bool
    /// Takes the care of fragments, options or a VLAN tag; told apart only then.
    @usableFromInline var takesSlowPath: Bool
    /// Whether the header of the transport protocol is there in full length.
    public var hasTransport: Bool
    /// IPv4: DF is set. IPv6: always, since routers never fragment.
    public var dontFragment: Bool
    /// TTL or hop limit.
    public var hops: UInt8
    /// Where the IP header begins in the frame, and where its transport header begins.
    public var network: Int32
    public var transport: Int32
    /// Length of the IP packet in bytes; what follows it in the frame is padding.
    public var length: Int32
    public var flow: Flow

    /// Length of the transport header and payload.
    public var transportLength: Int { Int(network &+ length &- transport) }

    @inlinable @inline(__always)
    public var flags: TCPFlags { TCPFlags(rawValue: detail) }

    @usableFromInline
    init(kind: Kind) {
        self.kind = kind
        family = .v4
        detail = 0
        isFragment = false
        isLaterFragment = false
        hasOptions = false
        takesSlowPath = false
        hasTransport = false
        dontFragment = false
        hops = 0
        network = 0
        transport = 0
        length = 0
        flow = Flow(
            source: IPAddress(high: 0, low: 0), sourcePort: 0, destination: IPAddress(high: 0, low: 0),
            destinationPort: 0, proto: 0)
    }

    /// Looks at an Ethernet frame.
    @inline(__always)
    public init(_ frame: Frame) {
        let bytes = frame.bytes
        guard let ethernet = EthernetHeader(bytes) else { self.init(kind: .malformed); return }
        let start = ethernet.length
        switch ethernet.type {
        case EtherType.ipv4: self.init(ipv4: bytes.dropFirst(start), at: start)
        case EtherType.ipv6: self.init(ipv6: bytes.dropFirst(start), at: start)
        case EtherType.arp: self.init(kind: .arp); network = Int32(truncatingIfNeeded: start)
        default: self.init(kind: .foreign)
        }
    }

    /// Looks at an IP packet that begins `offset` bytes into a frame: the version stands in its first four bits.
    public init(ip bytes: Bytes, at offset: Int) {
        guard bytes.count > 0 else { self.init(kind: .malformed); return }
        switch bytes[0] >> 4 {
        case 4: self.init(ipv4: bytes, at: offset)
        case 6: self.init(ipv6: bytes, at: offset)
        default: self.init(kind: .malformed)
        }
    }

    /// The checks are those of the host's own IP input (RFC 1122 section 3.2.1): version, lengths, header checksum.
    @inline(__always)
    init(ipv4 bytes: Bytes, at offset: Int) {
        guard let header = IPv4Header(bytes) else { self.init(kind: .malformed); return }
        let total = header.totalLength
        guard total >= header.length, total <= bytes.count, header.hasValidChecksum else { self.init(kind: .malformed); return }
        self.init(kind: .ip)
        family = .v4
        hops = header.timeToLive
        network = Int32(truncatingIfNeeded: offset)
        transport = Int32(truncatingIfNeeded: offset &+ header.length)
        length = Int32(truncatingIfNeeded: total)
        let fragment = header.fragmentWord
        dontFragment = fragment & 0x4000 != 0
        isFragment = fragment & 0x3fff != 0
        hasOptions = header.length > 20
        takesSlowPath = isFragment || hasOptions || offset != 14
        isLaterFragment = fragment & 0x1fff != 0
        flow.source = header.source
        flow.destination = header.destination
        flow.proto = header.proto
        if !isLaterFragment { readTransport(bytes.prefix(total).dropFirst(header.length)) }
    }

    @inline(__always)
    init(ipv6 bytes: Bytes, at offset: Int) {
        guard let header = IPv6Header(bytes) else { self.init(kind: .malformed); return }
        let total = header.payloadLength &+ 40
        let source = header.source
        // A mapped IPv4 address never comes over an IPv6 wire (draft-itojun-v6ops-v4mapped-harmful), nor does a group send.
        guard total <= bytes.count, !source.isV4, !header.destination.isV4, source.high >> 56 != 0xff,
            let extensions = IPv6Extensions(bytes.prefix(total))
        else { self.init(kind: .malformed); return }
        self.init(kind: .ip)
        family = .v6
        hops = header.hopLimit
        network = Int32(truncatingIfNeeded: offset)
        transport = Int32(truncatingIfNeeded: offset &+ extensions.offset)
        length = Int32(truncatingIfNeeded: total)
        dontFragment = true
        flow.source = source
        flow.destination = header.destination
        flow.proto = extensions.proto
        hasOptions = header.nextHeader == IPProtocol.hopByHop
        if extensions.fragmentHeader > 0 {
            // A fragment that is the whole as well loses its fragment header like any other (RFC 6946).
            let word = bytes.big16(at: extensions.fragmentHeader &+ 2)
            isFragment = true
            isLaterFragment = word & 0xfff8 != 0
        }
        takesSlowPath = isFragment || hasOptions || offset != 14
        if !isLaterFragment { readTransport(bytes.prefix(total).dropFirst(extensions.offset)) }
    }

    @inline(__always)
    private mutating func readTransport(_ bytes: Bytes) {
        switch flow.proto {
        case IPProtocol.tcp:
            if bytes.count >= 4 { readPorts(bytes) }
            guard let tcp = TCPHeader(bytes) else { return }
            hasTransport = true
            detail = tcp.flags.rawValue
        case IPProtocol.udp:
            if bytes.count >= 4 { readPorts(bytes) }
            hasTransport = bytes.count >= 8
        case IPProtocol.sctp:
            if bytes.count >= 4 { readPorts(bytes) }
            guard let sctp = SCTPHeader(bytes) else { return }
            hasTransport = true
            detail = SCTPTracking.chunk(of: sctp) ?? 0xff
        case IPProtocol.icmp, IPProtocol.icmpv6:
            guard let icmp = ICMPHeader(bytes) else { return }
            hasTransport = true
            detail = icmp.type
        default:
            hasTransport = true
        }
    }

    @inline(__always)
    private mutating func readPorts(_ bytes: Bytes) {
        flow.sourcePort = bytes.big16(at: 0)
        flow.destinationPort = bytes.big16(at: 2)
    }

    /// Came with a VLAN tag (IEEE 802.1Q) between MAC addresses and type.
    @inlinable @inline(__always)
    var isTagged: Bool { network > 14 }

    /// Whether the packet is of a protocol that connections are kept for.
    @inlinable @inline(__always)
    var isBalanced: Bool {
        flow.proto == IPProtocol.tcp || flow.proto == IPProtocol.udp || flow.proto == IPProtocol.sctp
    }

    /// Whether all is there by which the kernel tells that a packet opens a connection: the transport header, of SCTP the first
    /// chunk's as well.
    @inline(__always)
    var holdsOpening: Bool { hasTransport && (flow.proto != IPProtocol.sctp || transportLength >= 16) }

    /// Opens a connection: a TCP SYN bit, or an SCTP packet that begins with INIT.
    @inline(__always)
    var opensConnection: Bool {
        flow.proto == IPProtocol.tcp ? detail & 0x02 != 0 : flow.proto == IPProtocol.sctp && hasTransport && detail == 1
    }
}
