public import Wire

/// IP in IP: RFC 2003 (4 in 4), RFC 4213 (6 in 4), RFC 2473 (4 and 6 in 6). Nothing stands between the two headers.
public enum IPIP: Tunnel {
    public static let name = "ipip"
    public static var type: TunnelType { .ipip }

    public static func innerPacket(in payload: Bytes, proto: UInt8, to server: ServerSettings) -> (offset: Int, family: IPFamily)? {
        Tunnels.family(proto).map { (0, $0) }
    }
}
