import Wire

extension [UInt8] {
    /// An Ethernet frame around this IP packet; the type follows the IP version.
    public func ethernet(
        from source: String = "02:00:00:00:00:01", to destination: String = "02:00:00:00:00:02",
        type: UInt16? = nil
    ) -> [UInt8] {
        let ip: UInt16 = first.map { $0 >> 4 } == 6 ? 0x86dd : 0x0800
        return octets(mac(destination)) + octets(mac(source)) + big(type ?? ip) + self
    }

    /// This Ethernet frame with a tag (802.1Q, or 802.1ad with type 0x88a8) behind its addresses.
    public func vlan(_ id: UInt16, priority: UInt8 = 0, type: UInt16 = 0x8100) -> [UInt8] {
        Array(self[..<12]) + big(type) + big(UInt16(priority) << 13 | id) + Array(self[12...])
    }

    /// This packet in IPIP (RFC 2003), 6in4, 4in6 or 6in6, by the families.
    public func ipip(
        from source: Endpoint, to destination: Endpoint, ttl: UInt8? = nil, tos: UInt8? = nil, id: UInt16 = 0,
        df: Bool? = nil
    ) -> [UInt8] {
        outer(from: source, to: destination, proto: isIPv6 ? 41 : 4, payload: self, ttl: ttl, tos: tos, id: id, df: df)
    }

    /// This packet in GRE (RFC 2784, RFC 2890).
    public func gre(
        from source: Endpoint, to destination: Endpoint, checksum: Bool = false, key: UInt32? = nil,
        sequence: UInt32? = nil, ttl: UInt8? = nil, tos: UInt8? = nil, id: UInt16 = 0, df: Bool? = nil
    ) -> [UInt8] {
        let flags: UInt8 = (checksum ? 0x80 : 0) | (key != nil ? 0x20 : 0) | (sequence != nil ? 0x10 : 0)
        var header: [UInt8] = [flags, 0] + big(isIPv6 ? 0x86dd : 0x0800 as UInt16) + (checksum ? [0, 0, 0, 0] : [])
        header += key.map(big) ?? []
        header += sequence.map(big) ?? []
        if checksum { header.replaceSubrange(4..<6, with: big(SlowChecksum.internet(header + self))) }
        return outer(from: source, to: destination, proto: 47, payload: header + self, ttl: ttl, tos: tos, id: id, df: df)
    }

    /// This packet in GUE (draft-ietf-intarea-gue) variant 0, or 1 without a GUE header. `private` is an optional part
    /// behind the header with its flags, such as remote checksum offload: `00 01` and `80 00 00 00 00 14 00 24`.
    public func gue(
        from source: Endpoint, to destination: Endpoint, variant: Int = 0, checksum: Bool = false,
        flags: UInt16 = 0, options: [UInt8] = [], ttl: UInt8? = nil, tos: UInt8? = nil, id: UInt16 = 0,
        df: Bool? = nil
    ) -> [UInt8] {
        let header = variant == 1 ? [] : [UInt8(options.count / 4), isIPv6 ? 41 : 4] + big(flags) + options
        var datagram = big(source.port) + big(destination.port) + big(UInt16(8 + header.count + count)) + [0, 0] + header + self
        if checksum {
            let sum = SlowChecksum.transport(datagram, from: source.address, to: destination.address, proto: 17)
            datagram.replaceSubrange(6..<8, with: big(sum == 0 ? 0xffff : sum))
        }
        return outer(from: source, to: destination, proto: 17, payload: datagram, ttl: ttl, tos: tos, id: id, df: df)
    }

    var isIPv6: Bool { first.map { $0 >> 4 } == 6 }

    /// An outer header that takes over what the inner one says where nothing is given: TTL, TOS without CE (as IPVS
    /// does), DF.
    private func outer(
        from source: Endpoint, to destination: Endpoint, proto: UInt8, payload: [UInt8], ttl: UInt8?,
        tos: UInt8?, id: UInt16, df: Bool?
    ) -> [UInt8] {
        let innerTOS = isIPv6 ? self[0] << 4 | self[1] >> 4 : self[1]
        return Packet.ip(
            from: source, to: destination, proto: proto, payload: payload, ttl: ttl ?? (isIPv6 ? self[7] : self[8]),
            tos: tos ?? (innerTOS & 3 == 3 ? innerTOS & 0xfe : innerTOS), id: id,
            df: df ?? (!isIPv6 && self[6] & 0x40 != 0))
    }
}
