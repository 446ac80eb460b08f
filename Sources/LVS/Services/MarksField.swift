public import Wire

/// What a rule can look at in a packet. Values are numbers in host order; an address is the 128 bits of `IPAddress`, the
/// name of an interface its bytes in a field of 16, and MAC addresses are 48 bits.
public enum MarkField: UInt8, Sendable, Hashable {
    case source, destination
    /// Protocol behind the extension headers, and the one that the IP header itself names.
    case proto, headerProto
    case sourcePort, destinationPort
    /// The 14th byte of a TCP header: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32.
    case tcpFlags
    case icmpType, icmpCode
    /// The packet's mark, and that of its connection, at this rule.
    case mark, connectionMark
    /// What connection tracking says (1 invalid, 8 new, 64 untracked), and the connection's status bits.
    case connectionState, connectionStatus
    /// Name of the interface that the packet came in by.
    case ingress
    case sourceMAC, destinationMAC
    /// Bytes of the IP packet.
    case length
    /// TTL or hop limit.
    case hops
    /// Type of service or traffic class.
    case typeOfService
    /// Offset of a fragment in units of eight bytes.
    case fragmentOffset
    /// What kind of route leads to the destination, or the source: numbers of RTN_* (linux/rtnetlink.h).
    case destinationType, sourceType
    /// 1 where the host's route back to the source leads out of the interface that the packet came in by, else 0.
    case reversePath
    /// Something that is the same for every packet that can reach a service: 0.
    case constant

    /// Whether it takes a look at the host's routes to know it.
    var isOfRoutes: Bool { self == .destinationType || self == .sourceType || self == .reversePath }
}

extension MarkQuery {
    /// The value of a field, `nil` where the packet has none: a rule that looks there does not match.
    func value(_ field: MarkField, _ state: MarkState) -> UInt128? {
        switch field {
        case .source: UInt128(source)
        case .destination: UInt128(destination)
        case .proto: UInt128(proto)
        case .headerProto: UInt128(headerProto)
        case .sourcePort: transportByte(4) ? UInt128(sourcePort) : nil
        case .destinationPort: transportByte(4) ? UInt128(destinationPort) : nil
        case .tcpFlags: transportByte(14) ? UInt128(tcpFlags) : nil
        case .icmpType: transportByte(1) ? UInt128(icmpType) : nil
        case .icmpCode: transportByte(2) ? UInt128(icmpCode) : nil
        case .mark: UInt128(state.mark)
        case .connectionMark: state.isTracked && !state.isUntracked ? UInt128(state.connectionMark) : nil
        case .connectionState: state.isUntracked ? 64 : state.isTracked ? 8 : 1
        case .connectionStatus: state.isTracked && !state.isUntracked ? 0 : nil
        case .ingress: UInt128(interfaceName: ingress)
        case .sourceMAC: UInt128(sourceMAC)
        case .destinationMAC: UInt128(destinationMAC)
        case .length: UInt128(length)
        case .hops: UInt128(hops)
        case .typeOfService: UInt128(typeOfService)
        case .fragmentOffset: UInt128(fragmentOffset)
        case .destinationType: UInt128(destinationType)
        case .sourceType: UInt128(sourceType)
        case .reversePath: comesBack ? 1 : 0
        case .constant: 0
        }
    }

    /// Whether the packet holds so many bytes of its transport header.
    private func transportByte(_ count: Int) -> Bool { !isLaterFragment && transportLength >= count }
}

/// A field of a packet under bit operations: `(value & mask ^ toggle) >> shift`.
public struct MarkTerm: Hashable, Sendable {
    public var field: MarkField
    public var mask: UInt128
    public var toggle: UInt128
    /// Bits to the right; to the left where negative.
    public var shift: Int

    public init(_ field: MarkField, mask: UInt128 = .max, toggle: UInt128 = 0, shift: Int = 0) {
        self.field = field
        self.mask = mask
        self.toggle = toggle
        self.shift = shift
    }

    /// Whether it is the field as it stands.
    var isPlain: Bool { mask == .max && toggle == 0 && shift == 0 }

    func value(in packet: MarkQuery, _ state: MarkState) -> UInt128? {
        packet.value(field, state).map { ($0 & mask ^ toggle) >> shift }
    }
}

extension UInt128 {
    /// An address as a number that is unlike every address of the other family.
    public init(_ address: IPAddress) { self = UInt128(address.high) << 64 | UInt128(address.low) }

    /// The name of an interface, up to 16 bytes, the first one highest.
    public init(interfaceName: some StringProtocol) {
        self = 0
        var place = 128
        for byte in interfaceName.utf8.prefix(16) {
            place -= 8
            self |= UInt128(byte) << UInt128(place)
        }
    }

    /// The numbers of all names of interfaces that begin so.
    public static func interfaceNames(beginningWith start: some StringProtocol) -> ClosedRange<UInt128> {
        let first = UInt128(interfaceName: start)
        let bits = 128 - 8 * Swift.min(start.utf8.count, 16)
        return first...(bits == 128 ? UInt128.max : first | ((1 << UInt128(bits)) - 1))
    }
}
