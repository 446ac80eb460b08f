public import Wire

/// Builders of whole IP packets, checksums filled in, from the headers' defaults and what a test names.
///
/// The family is that of the addresses. Every builder returns the packet from its IP header on; the wrappers on arrays
/// of bytes (`ethernet`, `fragments`, `ipip`, …) take it further. Where another module has a `Packet` as well,
/// `import enum PacketKit.Packet` makes this one the nearer.
public enum Packet {
    /// An IP packet around `payload`; IPv4 fields have no meaning for IPv6, where `tos` is the traffic class.
    public static func ip(
        from source: Endpoint, to destination: Endpoint, proto: UInt8, payload: [UInt8] = [],
        ttl: UInt8 = 64, tos: UInt8 = 0, id: UInt16 = 0, df: Bool = false, mf: Bool = false,
        offset: Int = 0, flow: UInt32 = 0
    ) -> [UInt8] {
        precondition(source.address.isV4 == destination.address.isV4, "\(source) and \(destination) are of two families")
        if source.address.isV4 {
            let fragment = UInt16(offset / 8) | (df ? 0x4000 : 0) | (mf ? 0x2000 : 0)
            return ipv4Checksummed(
                [0x45, tos] + big(UInt16(20 + payload.count)) + big(id) + big(fragment) + [ttl, proto, 0, 0]
                    + octets(source.address) + octets(destination.address) + payload)
        }
        return big(UInt32(6) << 28 | UInt32(tos) << 20 | flow) + big(UInt16(payload.count)) + [proto, ttl]
            + octets(source.address) + octets(destination.address) + payload
    }

    /// A TCP segment. `options` are padded to whole words with zeros.
    public static func tcp(
        from source: Endpoint, to destination: Endpoint, flags: TCPFlags = .syn, seq: UInt32 = 1,
        ack: UInt32 = 0, window: UInt16 = 65535, urgent: UInt16 = 0, options: [UInt8] = [],
        payload: [UInt8] = [], ttl: UInt8 = 64, tos: UInt8 = 0, id: UInt16 = 0, df: Bool = true
    ) -> [UInt8] {
        let padded = options + [UInt8](repeating: 0, count: (4 - options.count % 4) % 4)
        var segment = big(source.port) + big(destination.port) + big(seq) + big(ack)
        segment += [UInt8((20 + padded.count) / 4) << 4, flags.rawValue] + big(window) + [0, 0] + big(urgent) + padded + payload
        let sum = SlowChecksum.transport(segment, from: source.address, to: destination.address, proto: 6)
        segment.replaceSubrange(16..<18, with: big(sum))
        return ip(from: source, to: destination, proto: 6, payload: segment, ttl: ttl, tos: tos, id: id, df: df)
    }

    /// A UDP datagram; without `checksum` the field holds 0. A computed 0 is sent as 0xffff (RFC 768).
    public static func udp(
        from source: Endpoint, to destination: Endpoint, payload: [UInt8] = [], checksum: Bool = true,
        ttl: UInt8 = 64, tos: UInt8 = 0, id: UInt16 = 0, df: Bool = false
    ) -> [UInt8] {
        var datagram = big(source.port) + big(destination.port) + big(UInt16(8 + payload.count)) + [0, 0] + payload
        if checksum {
            let sum = SlowChecksum.transport(datagram, from: source.address, to: destination.address, proto: 17)
            datagram.replaceSubrange(6..<8, with: big(sum == 0 ? 0xffff : sum))
        }
        return ip(from: source, to: destination, proto: 17, payload: datagram, ttl: ttl, tos: tos, id: id, df: df)
    }

    /// The packet with the checksum of its IPv4 header, options included, computed anew.
    static func ipv4Checksummed(_ packet: [UInt8]) -> [UInt8] {
        var packet = packet
        packet.replaceSubrange(10..<12, with: [0, 0])
        packet.replaceSubrange(10..<12, with: big(SlowChecksum.internet(Array(packet[..<(Int(packet[0] & 15) * 4)]))))
        return packet
    }
}

/// TCP options for `Packet.tcp`.
public enum TCPOption {
    public static func mss(_ size: UInt16) -> [UInt8] { [2, 4] + big(size) }
    public static func windowScale(_ shift: UInt8) -> [UInt8] { [3, 3, shift] }
    public static var sackPermitted: [UInt8] { [4, 2] }
    public static func sack(_ edges: (UInt32, UInt32)...) -> [UInt8] {
        [5, UInt8(2 + 8 * edges.count)] + edges.flatMap { big($0.0) + big($0.1) }
    }
    public static func timestamps(_ value: UInt32, _ echo: UInt32) -> [UInt8] { [8, 10] + big(value) + big(echo) }
    public static var nop: [UInt8] { [1] }
}
