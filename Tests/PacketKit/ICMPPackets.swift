import Wire

extension Packet {
    /// An ICMP message, or ICMPv6 by the addresses' family; `rest` are the four bytes behind the checksum.
    public static func icmp(
        from source: Endpoint, to destination: Endpoint, type: UInt8, code: UInt8 = 0, rest: UInt32 = 0,
        payload: [UInt8] = [], ttl: UInt8 = 64, tos: UInt8 = 0, id: UInt16 = 0, df: Bool = false
    ) -> [UInt8] {
        let isV4 = source.address.isV4
        var message = [type, code, 0, 0] + big(rest) + payload
        let sum =
            isV4
            ? SlowChecksum.internet(message)
            : SlowChecksum.transport(message, from: source.address, to: destination.address, proto: 58)
        message.replaceSubrange(2..<4, with: big(sum))
        return ip(from: source, to: destination, proto: isV4 ? 1 : 58, payload: message, ttl: ttl, tos: tos, id: id, df: df)
    }

    /// A ping or its answer.
    public static func echo(
        from source: Endpoint, to destination: Endpoint, reply: Bool = false, identifier: UInt16 = 1,
        sequence: UInt16 = 1, payload: [UInt8] = hex("70 69 6e 67"), ttl: UInt8 = 64,
        id: UInt16 = 0
    ) -> [UInt8] {
        let type: UInt8 = source.address.isV4 ? (reply ? 0 : 8) : (reply ? 129 : 128)
        return icmp(
            from: source, to: destination, type: type, rest: UInt32(identifier) << 16 | UInt32(sequence),
            payload: payload, ttl: ttl, id: id)
    }

    /// An ICMP error that quotes the first `limit` bytes of a packet. Types are those of the family: 3/4 with `rest` as
    /// next-hop MTU for IPv4, 2/0 for IPv6.
    public static func icmpError(
        from source: Endpoint, to destination: Endpoint, type: UInt8, code: UInt8 = 0,
        rest: UInt32 = 0, quoting packet: [UInt8], limit: Int = 548, ttl: UInt8 = 64,
        tos: UInt8 = 0, id: UInt16 = 0
    ) -> [UInt8] {
        icmp(
            from: source, to: destination, type: type, code: code, rest: rest, payload: Array(packet.prefix(limit)),
            ttl: ttl, tos: tos, id: id)
    }

    /// "Fragmentation needed" or "packet too big" about `packet`.
    public static func tooBig(
        from source: Endpoint, to destination: Endpoint, mtu: UInt16, quoting packet: [UInt8],
        limit: Int = 548, ttl: UInt8 = 64
    ) -> [UInt8] {
        let isV4 = source.address.isV4
        return icmpError(
            from: source, to: destination, type: isV4 ? 3 : 2, code: isV4 ? 4 : 0, rest: UInt32(mtu),
            quoting: packet, limit: limit, ttl: ttl)
    }

    /// An ARP frame, Ethernet included; a request goes to the broadcast address, a reply to `targetMAC`.
    public static func arp(
        request: Bool, senderMAC: String, sender: Endpoint, targetMAC: String = "0:0:0:0:0:0",
        target: Endpoint
    ) -> [UInt8] {
        let destination = request ? MACAddress.broadcast : mac(targetMAC)
        return octets(destination) + octets(mac(senderMAC)) + [8, 6, 0, 1, 8, 0, 6, 4, 0, request ? 1 : 2]
            + octets(mac(senderMAC)) + octets(sender.address) + octets(mac(targetMAC)) + octets(target.address)
    }

    /// A neighbour solicitation; without `to` to the solicited-node group of the target, without `linkAddress` without
    /// the source link-layer address option.
    public static func neighborSolicitation(
        from source: Endpoint, to destination: Endpoint? = nil, target: Endpoint,
        linkAddress: String? = nil
    ) -> [UInt8] {
        let group = IPAddress(high: 0xff02_0000_0000_0000, low: 0x1_ff00_0000 | target.address.low & 0xff_ffff)
        return icmp(
            from: source, to: destination ?? Endpoint(group), type: 135,
            payload: octets(target.address) + (linkAddress.map { [1, 1] + octets(mac($0)) } ?? []), ttl: 255)
    }

    /// A neighbour advertisement; without `to` to all nodes.
    public static func neighborAdvertisement(
        from source: Endpoint, to destination: Endpoint = "ff02::1", target: Endpoint,
        linkAddress: String? = nil, router: Bool = false, solicited: Bool = false,
        override: Bool = true
    ) -> [UInt8] {
        let flags: UInt32 = (router ? 0x8000_0000 : 0) | (solicited ? 0x4000_0000 : 0) | (override ? 0x2000_0000 : 0)
        return icmp(
            from: source, to: destination, type: 136, rest: flags,
            payload: octets(target.address) + (linkAddress.map { [2, 1] + octets(mac($0)) } ?? []), ttl: 255)
    }
}
