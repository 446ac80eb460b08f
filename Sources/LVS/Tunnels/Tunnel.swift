public import Wire

/// A way to wrap packets for a real server. It is asked only when a server's outer header is laid down and when an ICMP
/// error quotes such a packet; in between, what it wants in front of every packet is data (`OuterHeader`).
public protocol Tunnel: SendableMetatype {
    /// The name after `--tun-type`.
    static var name: String { get }

    /// The number on the control interface (IP_VS_CONN_F_TUNNEL_TYPE_*).
    static var type: TunnelType { get }

    /// Protocol number that the outer IP header names.
    static func proto(carrying inner: IPFamily) -> UInt8

    /// Lays down what stands between the outer IP header and the inner packet. `isPartial`: the inner packet's transport
    /// checksum is still to be filled in by whoever sends it.
    static func lay(_ header: inout OuterHeader, carrying inner: IPFamily, to server: ServerSettings, isPartial: Bool)

    /// Where the inner packet begins in the payload of an outer packet that an ICMP error quotes, and its family; `nil`
    /// when the payload is no packet of such a tunnel to this server.
    static func innerPacket(in payload: Bytes, proto: UInt8, to server: ServerSettings) -> (offset: Int, family: IPFamily)?
}

extension Tunnel {
    public static func proto(carrying inner: IPFamily) -> UInt8 { inner == .v4 ? IPProtocol.ipip : IPProtocol.ipv6 }
    public static func lay(_ header: inout OuterHeader, carrying inner: IPFamily, to server: ServerSettings, isPartial: Bool) {}
}

/// Every tunnel there is; a new one is a file and a word here.
public enum Tunnels {
    public static let all: [any Tunnel.Type] = [IPIP.self, GUE.self, GRE.self]

    /// The tunnel of a number; those that nobody knows are plain IPIP, as for the kernel.
    public static func of(_ type: TunnelType) -> any Tunnel.Type { all.first { $0.type == type } ?? IPIP.self }

    /// The tunnel of a name after `--tun-type`.
    public static func named(_ name: String) -> (any Tunnel.Type)? { all.first { $0.name == name } }

    /// The family that an IP-in-IP protocol number stands for.
    static func family(_ proto: UInt8) -> IPFamily? {
        switch proto {
        case IPProtocol.ipip: .v4
        case IPProtocol.ipv6: .v6
        default: nil
        }
    }
}

extension ServerSettings {
    /// Bytes that the tunnel to a server puts in front of a packet at most; 0 for other methods.
    public func overhead(carrying inner: IPFamily, to server: IPAddress) -> Int {
        guard method == .tunneling else { return 0 }
        let tunnel = Tunnels.of(self.tunnel)
        let lengths = [false, true].map { isPartial in
            var header = OuterHeader(
                from: .unspecified(server.family), to: server, proto: tunnel.proto(carrying: inner), carrying: inner)
            tunnel.lay(&header, carrying: inner, to: self, isPartial: isPartial)
            return header.length
        }
        return lengths.max() ?? 0
    }
}
