extension PacketDescription {
    /// The message behind an IP header with its extension headers; `envelope` tells of which protocol.
    mutating func message(_ bytes: Bytes, _ envelope: Envelope) {
        guard envelope.isFirst else { return plain(Self.name(envelope.proto), envelope) }
        switch (envelope.proto, envelope.isV6) {
        case (IPProtocol.tcp, _): tcp(bytes, envelope)
        case (IPProtocol.udp, _): udp(bytes, envelope)
        case (IPProtocol.sctp, _): sctp(bytes, envelope)
        case (IPProtocol.icmp, false), (IPProtocol.icmpv6, true): icmp(bytes, envelope)
        case (IPProtocol.ipip, _), (IPProtocol.ipv6, _):
            plain(Self.name(envelope.proto), envelope)
            inner(bytes, version: envelope.proto == IPProtocol.ipv6 ? 6 : 4, envelope)
        case (IPProtocol.gre, _): gre(bytes, envelope)
        default: plain(Self.name(envelope.proto), envelope)
        }
    }

    /// Addresses without ports, the message's words, the carrier's words.
    mutating func plain(_ words: String, _ envelope: Envelope) {
        say("\(Self.text(envelope.source, isV6: envelope.isV6)) > \(Self.text(envelope.destination, isV6: envelope.isV6))")
        say(words)
        say(envelope.words)
    }

    /// The same with the ports that begin the message.
    private mutating func ported(_ words: String, _ bytes: Bytes, _ envelope: Envelope) {
        say(
            Self.text(envelope.source, bytes.big16(at: 0), isV6: envelope.isV6) + " > "
                + Self.text(envelope.destination, bytes.big16(at: 2), isV6: envelope.isV6))
        say(words)
        say(envelope.words)
    }

    /// A message too short for its header: the ports when they are there. Of a quoted packet eight bytes are normal.
    private mutating func short(_ name: String, _ bytes: Bytes, _ envelope: Envelope) {
        if envelope.place.isQuoted, bytes.count >= 8 {
            let more =
                envelope.proto == IPProtocol.tcp
                ? " seq \(bytes.big32(at: 4))"
                : envelope.proto == IPProtocol.sctp ? " tag \(Self.hex(bytes.big32(at: 4)))" : ""
            return ported(name + more, bytes, envelope)
        }
        if bytes.count >= 4 { ported(name, bytes, envelope) } else { plain(name, envelope) }
        // Of a first fragment the rest stands in the next one.
        guard !envelope.isPiece else { return }
        complain("short \(name) header", bytes.dropFirst(bytes.count >= 4 ? 4 : 0))
    }

    private mutating func tcp(_ bytes: Bytes, _ envelope: Envelope) {
        guard let tcp = TCPHeader(bytes) else { return short("TCP", bytes, envelope) }
        var words = "TCP [\(tcp.flags.letters)] seq \(tcp.sequence)"
        if tcp.flags.contains(.ack) || tcp.acknowledgment != 0 { words += " ack \(tcp.acknowledgment)" }
        words += " win \(tcp.window)"
        let urgent = bytes.big16(at: 18)
        if tcp.flags.contains(.urg) || urgent != 0 { words += " urgent \(urgent)" }
        if let options = TCPOptions(tcp) {
            words += Self.text(options)
        } else if !envelope.place.isQuoted || tcp.length < 20 {
            words += " <bad data offset \(tcp.length)>"
        }
        words += envelope.judgement("TCP", of: bytes, at: 16)
        ported(words, bytes, envelope)
    }

    static func text(_ options: TCPOptions) -> String {
        var words = ""
        var each = options.first
        while let option = each {
            let value = options.header.bytes.dropFirst(option.offset + 2).prefix(option.length - 2)
            switch (option.kind, option.length) {
            case (TCPOption.mss, 4): words += " mss \(value.big16(at: 0))"
            case (TCPOption.windowScale, 3): words += " wscale \(value[0])"
            case (TCPOption.sackPermitted, 2): words += " sackOK"
            case (TCPOption.timestamps, 10): words += " ts \(value.big32(at: 0))/\(value.big32(at: 4))"
            case (TCPOption.sack, 10), (TCPOption.sack, 18), (TCPOption.sack, 26), (TCPOption.sack, 34):
                let blocks = stride(from: 0, to: value.count, by: 8).map { "\(value.big32(at: $0))-\(value.big32(at: $0 + 4))" }
                words += " sack \(blocks.joined(separator: ","))"
            default: words += " option \(option.kind)" + (value.count > 0 ? " \(hex(value))" : "")
            }
            each = options.next(after: option)
        }
        return options.isWellFormed ? words : words + " <bad TCP options>"
    }

    private mutating func udp(_ bytes: Bytes, _ envelope: Envelope) {
        guard let udp = UDPHeader(bytes) else { return short("UDP", bytes, envelope) }
        let isTunnel = guePorts.contains(udp.destinationPort)
        var words = "UDP"
        let isBad = udp.length < 8 || envelope.isWhole && udp.length != bytes.count
        if isBad { words += " <bad UDP length \(udp.length)>" }
        if udp.checksum == 0, envelope.isV6, !isTunnel, envelope.isWhole { words += " <no UDP checksum>" }
        if !isBad, udp.checksum != 0 { words += envelope.judgement("UDP", of: bytes, at: 6) }
        guard isTunnel, bytes.count > 8 else { return ported(words, bytes, envelope) }
        gue(bytes.dropFirst(8), words, bytes, envelope)
    }

    private mutating func gue(_ bytes: Bytes, _ words: String, _ datagram: Bytes, _ envelope: Envelope) {
        guard let gue = GUEHeader(bytes) else {
            ported(words, datagram, envelope)
            return complain("bad GUE header", bytes)
        }
        var words = words
        if gue.variant == 1 { words += " GUE variant 1" }
        if gue.isControl { words += " GUE control \(gue.proto)" }
        if gue.length > 4 || gue.flags != 0 {
            words += " GUE flags \(Self.hex(gue.flags))"
            if let remote = gue.remoteChecksum {
                words += " remcsum \(remote.start)/\(remote.field)"
            } else if gue.length > 4 {
                words += " options \(Self.hex(bytes.prefix(gue.length).dropFirst(4)))"
            }
        }
        ported(words, datagram, envelope)
        guard !gue.isControl else { return }
        switch gue.proto {
        case IPProtocol.ipip: inner(gue.payload, version: 4, envelope)
        case IPProtocol.ipv6: inner(gue.payload, version: 6, envelope)
        default: say("| \(Self.name(gue.proto)) len \(gue.payload.count)")
        }
    }

    private mutating func gre(_ bytes: Bytes, _ envelope: Envelope) {
        guard let gre = GREHeader(bytes) else {
            plain(Self.name(envelope.proto), envelope)
            return complain("bad GRE header", bytes)
        }
        var words = Self.name(envelope.proto)
        if let checksum = gre.checksum { words += " csum \(Self.hex(checksum))" }
        if let key = gre.key { words += " key \(Self.hex(key))" }
        if let sequence = gre.sequence { words += " seq \(sequence)" }
        if envelope.isWhole, !gre.hasValidChecksum { words += " <bad GRE checksum>" }
        plain(words, envelope)
        switch gre.proto {
        case EtherType.ipv4: inner(gre.payload, version: 4, envelope)
        case EtherType.ipv6: inner(gre.payload, version: 6, envelope)
        default: say("| type \(Self.hex(gre.proto)) len \(gre.payload.count)")
        }
    }

    /// The packet inside a tunnel.
    private mutating func inner(_ bytes: Bytes, version: UInt8, _ envelope: Envelope) {
        // A classic quote ends where the inner packet would begin.
        if envelope.place.isQuoted, bytes.count == 0 { return }
        say("|")
        guard !envelope.place.isTooDeep else { return complain("nested too deep") }
        if bytes.count > 0, bytes[0] >> 4 != version { complain("version \(bytes[0] >> 4), not \(version)") }
        var place = envelope.place.inner
        if !envelope.isWhole { place.isCut = true }
        ip(bytes, place)
    }

    private mutating func sctp(_ bytes: Bytes, _ envelope: Envelope) {
        guard let sctp = SCTPHeader(bytes) else { return short("SCTP", bytes, envelope) }
        var names: [String] = []
        var wrong = ""
        var offset = 12
        while offset < bytes.count {
            guard bytes.holds(4, at: offset) else {
                wrong = " <short chunk header>"
                break
            }
            names.append(Self.chunkName(bytes[offset]))
            let length = Int(bytes.big16(at: offset + 2))
            guard length >= 4, bytes.holds(length, at: offset) else {
                wrong = " <bad chunk length \(length)>"
                break
            }
            offset += (length + 3) & ~3
        }
        var words = "SCTP [\(names.joined(separator: " "))] tag \(Self.hex(bytes.big32(at: 4)))"
        if !wrong.isEmpty, !envelope.place.isQuoted, envelope.isWhole { words += wrong }
        if envelope.isWhole, !sctp.hasValidChecksum { words += " <bad SCTP checksum>" }
        ported(words, bytes, envelope)
    }

    /// The names of RFC 9260 section 3.2.
    static func chunkName(_ type: UInt8) -> String {
        let names = [
            "DATA", "INIT", "INIT-ACK", "SACK", "HEARTBEAT", "HEARTBEAT-ACK", "ABORT", "SHUTDOWN", "SHUTDOWN-ACK",
            "ERROR", "COOKIE-ECHO", "COOKIE-ACK", "ECNE", "CWR", "SHUTDOWN-COMPLETE",
        ]
        return type < names.count ? names[Int(type)] : "chunk \(type)"
    }
}

extension TCPFlags {
    /// A letter for each set bit: FIN, SYN, RST, PSH, ACK, URG, ECE, CWR.
    public var letters: String {
        String("FSRPAUEC".enumerated().filter { rawValue >> UInt8($0.offset) & 1 == 1 }.map(\.element))
    }
}
