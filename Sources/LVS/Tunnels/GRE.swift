public import Wire

/// Generic routing encapsulation (RFC 2784), without key and sequence number; `--tun-csum` adds its checksum.
public enum GRE: Tunnel {
    public static let name = "gre"
    public static var type: TunnelType { .gre }

    public static func proto(carrying inner: IPFamily) -> UInt8 { IPProtocol.gre }

    public static func lay(_ header: inout OuterHeader, carrying inner: IPFamily, to server: ServerSettings, isPartial: Bool) {
        let start = header.length
        let hasChecksum = server.tunnelFlags.contains(.checksum)
        header.append(hasChecksum ? 8 : 4) { bytes in
            GREHeader.write(to: bytes, proto: inner == .v4 ? EtherType.ipv4 : EtherType.ipv6)
            if hasChecksum { bytes[0] |= 0x80 }
        }
        guard hasChecksum else { return }
        header.patch(.checksum, at: start + 4, from: start)
        header.partialChecksum = .completed
    }

    public static func innerPacket(in payload: Bytes, proto: UInt8, to server: ServerSettings) -> (offset: Int, family: IPFamily)? {
        guard proto == IPProtocol.gre, let gre = GREHeader(payload) else { return nil }
        switch gre.proto {
        case EtherType.ipv4: return (gre.length, .v4)
        case EtherType.ipv6: return (gre.length, .v6)
        default: return nil
        }
    }
}
