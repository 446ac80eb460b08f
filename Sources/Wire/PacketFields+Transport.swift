extension FieldList {
    mutating func message(_ bytes: Bytes, _ proto: UInt8, _ envelope: Envelope) {
        switch (proto, envelope.isV6) {
        case (IPProtocol.tcp, _): tcp(bytes, envelope)
        case (IPProtocol.udp, _): udp(bytes, envelope)
        case (IPProtocol.sctp, _): sctp(bytes, envelope)
        case (IPProtocol.icmp, false), (IPProtocol.icmpv6, true): icmp(bytes, envelope)
        case (IPProtocol.ipip, _), (IPProtocol.ipv6, _): inner(bytes)
        case (IPProtocol.gre, _): gre(bytes, envelope)
        default: add(envelope.isV6 ? "IPv6" : "IPv4", "payload", bytes: bytes)
        }
    }

    /// What there is of a header that is cut off: of a quote eight bytes are normal.
    private mutating func cut(_ header: String, _ bytes: Bytes) {
        guard bytes.count >= 4 else { return add(header, "bytes", bytes: bytes) }
        ports(header, bytes)
        add(header, "bytes", bytes: bytes.dropFirst(4))
    }

    private mutating func ports(_ header: String, _ bytes: Bytes) {
        add(header, "source port", bytes.big16(at: 0))
        add(header, "destination port", bytes.big16(at: 2))
    }

    private mutating func tcp(_ bytes: Bytes, _ envelope: Envelope) {
        guard let tcp = TCPHeader(bytes) else { return cut("TCP", bytes) }
        ports("TCP", bytes)
        add("TCP", "flags", tcp.flags.letters)
        add("TCP", "seq", tcp.sequence)
        add("TCP", "ack", tcp.acknowledgment)
        add("TCP", "window", tcp.window)
        add("TCP", "urgent", bytes.big16(at: 18))
        add("TCP", "data offset", tcp.length)
        if bytes[12] & 15 != 0 { add("TCP", "reserved", bytes[12] & 15) }
        add("TCP", checksum: PacketDescription.hex(tcp.checksum), isRight: envelope.isSummed(bytes, IPProtocol.tcp), when: envelope.isWhole)
        let length = max(tcp.length, 20)
        add("TCP", "options", bytes: bytes.prefix(length).dropFirst(20))
        add("TCP", "payload", bytes: bytes.dropFirst(length))
    }

    private mutating func udp(_ bytes: Bytes, _ envelope: Envelope) {
        guard let udp = UDPHeader(bytes) else { return cut("UDP", bytes) }
        ports("UDP", bytes)
        add("UDP", "length", udp.length)
        if udp.checksum == 0 {
            add("UDP", "checksum", "none")
        } else {
            add(
                "UDP", checksum: PacketDescription.hex(udp.checksum), isRight: envelope.isSummed(bytes, IPProtocol.udp),
                when: envelope.isWhole)
        }
        let payload = bytes.dropFirst(8)
        guard guePorts.contains(udp.destinationPort), let gue = GUEHeader(payload) else {
            return add("UDP", "payload", bytes: payload)
        }
        add("GUE", "variant", gue.variant)
        if gue.variant == 0 {
            add("GUE", "control", gue.isControl)
            add("GUE", "protocol", gue.proto)
            add("GUE", "flags", PacketDescription.hex(gue.flags))
            add("GUE", "options", bytes: payload.prefix(gue.length).dropFirst(4))
        }
        if !gue.isControl, gue.proto == IPProtocol.ipip || gue.proto == IPProtocol.ipv6 {
            inner(gue.payload)
        } else {
            add("GUE", "payload", bytes: gue.payload)
        }
    }

    private mutating func gre(_ bytes: Bytes, _ envelope: Envelope) {
        guard let gre = GREHeader(bytes) else { return add("GRE", "bytes", bytes: bytes) }
        add("GRE", "flags", PacketDescription.hex(bytes.big16(at: 0)))
        add("GRE", "protocol", PacketDescription.hex(gre.proto))
        if let checksum = gre.checksum {
            add("GRE", checksum: PacketDescription.hex(checksum), isRight: gre.hasValidChecksum, when: envelope.isWhole)
            if bytes.big16(at: 6) != 0 { add("GRE", "reserved", PacketDescription.hex(bytes.big16(at: 6))) }
        }
        if let key = gre.key { add("GRE", "key", PacketDescription.hex(key)) }
        if let sequence = gre.sequence { add("GRE", "sequence", sequence) }
        if gre.proto == EtherType.ipv4 || gre.proto == EtherType.ipv6 {
            inner(gre.payload)
        } else {
            add("GRE", "payload", bytes: gre.payload)
        }
    }

    private mutating func sctp(_ bytes: Bytes, _ envelope: Envelope) {
        guard let sctp = SCTPHeader(bytes) else { return cut("SCTP", bytes) }
        ports("SCTP", bytes)
        add("SCTP", "tag", PacketDescription.hex(bytes.big32(at: 4)))
        add("SCTP", checksum: PacketDescription.hex(bytes.big32(at: 8)), isRight: sctp.hasValidChecksum, when: envelope.isWhole)
        var offset = 12
        while bytes.holds(4, at: offset) {
            let length = Int(bytes.big16(at: offset + 2))
            guard length >= 4, bytes.holds(length, at: offset) else { break }
            let end = min(offset + (length + 3) & ~3, bytes.count)
            add("SCTP", PacketDescription.chunkName(bytes[offset]), bytes: bytes.prefix(end).dropFirst(offset))
            offset = end
        }
        add("SCTP", "bytes", bytes: bytes.dropFirst(offset))
    }

    private mutating func icmp(_ bytes: Bytes, _ envelope: Envelope) {
        let name = envelope.isV6 ? "ICMPv6" : "ICMP"
        guard let icmp = ICMPHeader(bytes) else { return add(name, "bytes", bytes: bytes) }
        add(name, "type", icmp.type)
        add(name, "code", icmp.code)
        add(name, "rest", PacketDescription.hex(icmp.rest))
        add(
            name, checksum: PacketDescription.hex(icmp.checksum),
            isRight: envelope.isV6 ? envelope.isSummed(bytes, IPProtocol.icmpv6) : Checksum.of(bytes) == 0, when: envelope.isWhole)
        guard envelope.isV6 ? icmp.type < 128 : ICMPType.isError(icmp.type) else {
            return add(name, "payload", bytes: bytes.dropFirst(8))
        }
        let wasQuoted = isQuoted
        isQuoted = true
        nested("quoted ", bytes.dropFirst(8))
        isQuoted = wasQuoted
    }

    private mutating func inner(_ bytes: Bytes) { nested("inner ", bytes) }

    /// The fields of a packet within a packet, down to a depth that no sane packet has.
    private mutating func nested(_ words: String, _ bytes: Bytes) {
        let outside = place
        place += words
        depth += 1
        if depth > 7 { add("IP", "bytes", bytes: bytes) } else { ip(bytes) }
        depth -= 1
        place = outside
    }
}
