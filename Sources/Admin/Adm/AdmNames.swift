import Glibc
public import Wire

/// Names as the host knows them: /etc/hosts, DNS and /etc/services through the C library. A look-up may wait for DNS, and
/// two threads must not look up at the same time.
public struct SystemNames: NameResolver {
    public init() {}

    public func address(ofHost name: String) -> IPAddress? {
        guard let host = gethostbyname(name), host.pointee.h_addrtype == AF_INET, host.pointee.h_length == 4,
            let bytes = host.pointee.h_addr_list[0]
        else { return nil }
        let number = (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(UInt8(bitPattern: bytes[$1])) }
        return IPAddress(v4: number)
    }

    public func port(ofService name: String, proto: UInt8) -> UInt16? {
        guard let proto = Self.name(of: proto), let service = getservbyname(name, proto) else { return nil }
        return UInt16(bigEndian: UInt16(truncatingIfNeeded: service.pointee.s_port))
    }

    public func hostName(of address: IPAddress) -> String? {
        let bytes: [UInt8] = address.isV4 ? Self.bytes(address.v4) : Self.bytes(address.high) + Self.bytes(address.low)
        let family = address.isV4 ? AF_INET : AF_INET6
        guard let host = gethostbyaddr(bytes, socklen_t(bytes.count), family) else { return nil }
        return String(cString: host.pointee.h_name)
    }

    public func serviceName(ofPort port: UInt16, proto: UInt8) -> String? {
        guard let proto = Self.name(of: proto), let service = getservbyport(Int32(port.bigEndian), proto) else { return nil }
        return String(cString: service.pointee.s_name)
    }

    private static func name(of proto: UInt8) -> String? {
        switch proto {
        case IPProtocol.tcp: "tcp"
        case IPProtocol.udp: "udp"
        case IPProtocol.sctp: "sctp"
        default: nil
        }
    }

    private static func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
        stride(from: number.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
    }
}
