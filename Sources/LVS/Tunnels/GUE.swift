public import Wire

/// Generic UDP encapsulation (draft-ietf-intarea-gue-09), variant 0: a UDP header whose source port tells flows apart for
/// the routers in between, and 4 bytes that name the inner protocol.
///
/// `--tun-csum` fills in the UDP checksum, `--tun-remcsum` as well; with the latter the receiver also completes an inner
/// checksum that was left to be filled in (remote checksum offload), told by 8 more bytes.
public enum GUE: Tunnel {
    public static let name = "gue"
    public static var type: TunnelType { .gue }
    private static var udpLength: Int { 8 }

    public static func proto(carrying inner: IPFamily) -> UInt8 { IPProtocol.udp }

    public static func lay(_ header: inout OuterHeader, carrying inner: IPFamily, to server: ServerSettings, isPartial: Bool) {
        let udp = header.length
        let isRemote = isPartial && server.tunnelFlags.contains(.remoteChecksum)
        let proto = inner == .v4 ? IPProtocol.ipip : IPProtocol.ipv6
        header.append(udpLength) { UDPHeader($0)?.destinationPort = server.tunnelPort }
        header.patch(.flowPort, at: udp)
        header.patch(.length, at: udp + 4, from: udp)
        let gue = header.length
        header.append(isRemote ? 12 : 4) { bytes in
            if isRemote {
                GUEHeader.write(to: bytes, proto: proto, remoteChecksumFrom: 0, storedAt: 0)
            } else {
                GUEHeader.write(to: bytes, proto: proto)
            }
        }
        if isRemote {
            header.patch(.remoteChecksum, at: gue + 8)
            header.partialChecksum = .leftToReceiver
        }
        if !server.tunnelFlags.isDisjoint(with: [.checksum, .remoteChecksum]) {
            header.patch(.datagramChecksum, at: udp + 6, from: udp)
            if !isRemote { header.partialChecksum = .completed }
        }
    }

    public static func innerPacket(in payload: Bytes, proto: UInt8, to server: ServerSettings) -> (offset: Int, family: IPFamily)? {
        guard proto == IPProtocol.udp, let udp = UDPHeader(payload), udp.destinationPort == server.tunnelPort,
            let gue = GUEHeader(payload.dropFirst(udpLength)), gue.variant == 0, !gue.isControl,
            let family = Tunnels.family(gue.proto)
        else { return nil }
        return (udpLength + gue.length, family)
    }
}
