extension PacketDescription {
    mutating func icmp(_ bytes: Bytes, _ envelope: Envelope) {
        let name = Self.name(envelope.proto)
        guard let icmp = ICMPHeader(bytes) else {
            plain(bytes.count >= 2 ? "\(name) \(bytes[0])/\(bytes[1])" : name, envelope)
            return envelope.isPiece ? () : complain("short \(name) header", bytes)
        }
        let kind = envelope.isV6 ? ICMPv6Type.name(icmp.type, icmp.code) : ICMPType.name(icmp.type, icmp.code)
        var words = "\(name) \(icmp.type)/\(icmp.code)"
        if let kind { words += " \(kind)" }
        words += envelope.isV6 ? ICMPv6Type.rest(icmp) : ICMPType.rest(icmp)
        words += neighbor(bytes, envelope)
        if envelope.isWhole, envelope.isV6 ? !envelope.isSummed(bytes) : Checksum.of(bytes) != 0 { words += " <bad ICMP checksum>" }
        plain(words, envelope)
        guard envelope.isV6 ? icmp.type < 128 : ICMPType.isError(icmp.type), !envelope.place.isTooDeep else { return }
        var place = envelope.place.inner
        place.isQuoted = true
        bracketed { $0.ip(bytes.dropFirst(8), place) }
    }

    private func neighbor(_ bytes: Bytes, _ envelope: Envelope) -> String {
        guard envelope.isV6, [ICMPv6Type.neighborSolicitation, ICMPv6Type.neighborAdvertisement].contains(bytes[0]) else { return "" }
        guard let message = NeighborMessage(bytes) else { return envelope.isWhole ? " <bad neighbour message>" : "" }
        let target = Self.text(message.target, isV6: true)
        if message.isSolicitation {
            return " who has \(target)?" + (message.linkAddress.map { " tell \($0)" } ?? "")
        }
        let flags = (message.isRouter ? "R" : "") + (message.isSolicited ? "S" : "") + (message.isOverride ? "O" : "")
        return " \(target) is at \(message.linkAddress.map { "\($0)" } ?? "its known address") [\(flags)]"
    }
}

extension ICMPType {
    /// Whether messages of this type quote the packet that they are about.
    @inlinable
    public static func isError(_ type: UInt8) -> Bool {
        switch type {
        case unreachable, sourceQuench, redirect, timeExceeded, parameterProblem: true
        default: false
        }
    }

    /// What a type and code mean (IANA icmp-parameters); `nil` for the unknown.
    public static func name(_ type: UInt8, _ code: UInt8) -> String? {
        switch type {
        case echoReply: return "echo reply"
        case echo: return "echo"
        case sourceQuench: return "source quench"
        case parameterProblem: return "parameter problem"
        case timestamp: return "timestamp"
        case 14: return "timestamp reply"
        case 9: return "router advertisement"
        case 10: return "router solicitation"
        case unreachable:
            let names = [
                "net", "host", "protocol", "port", "fragmentation needed", "source route failed", "net unknown",
                "host unknown", "source host isolated", "net prohibited", "host prohibited", "net for this service",
                "host for this service", "communication prohibited", "host precedence", "precedence cutoff",
            ]
            guard code < names.count else { return "unreachable" }
            return [0, 1, 2, 3, 11, 12].contains(code) ? names[Int(code)] + " unreachable" : names[Int(code)]
        case redirect:
            let names = ["net", "host", "net for this service", "host for this service"]
            return code < names.count ? "redirect \(names[Int(code)])" : "redirect"
        case timeExceeded: return code == 1 ? "reassembly time exceeded" : "time exceeded"
        default: return nil
        }
    }

    /// What the four bytes behind the checksum say, with a blank in front.
    static func rest(_ icmp: ICMPHeader) -> String {
        switch (icmp.type, icmp.code) {
        case (echo, _), (echoReply, _), (timestamp, _), (14, _): " \(icmp.rest >> 16)/\(icmp.rest & 0xffff)"
        case (unreachable, 4): " mtu \(icmp.rest & 0xffff)"
        case (redirect, _): " to \(IPAddress(v4: icmp.rest))"
        case (parameterProblem, _): " at \(icmp.rest >> 24)"
        default: icmp.rest == 0 ? "" : " rest \(PacketDescription.hex(icmp.rest))"
        }
    }
}

extension ICMPv6Type {
    /// What a type and code mean (IANA icmpv6-parameters); `nil` for the unknown.
    public static func name(_ type: UInt8, _ code: UInt8) -> String? {
        switch type {
        case unreachable:
            let names = [
                "no route", "communication prohibited", "beyond scope", "address unreachable", "port unreachable",
                "source policy failed", "route rejected",
            ]
            return code < names.count ? names[Int(code)] : "unreachable"
        case packetTooBig: return "packet too big"
        case timeExceeded: return code == 1 ? "reassembly time exceeded" : "time exceeded"
        case parameterProblem: return "parameter problem"
        case echo: return "echo"
        case echoReply: return "echo reply"
        case 130: return "multicast listener query"
        case 131, 143: return "multicast listener report"
        case 132: return "multicast listener done"
        case routerSolicitation: return "router solicitation"
        case 134: return "router advertisement"
        case neighborSolicitation: return "neighbour solicitation"
        case neighborAdvertisement: return "neighbour advertisement"
        case redirect: return "redirect"
        default: return nil
        }
    }

    /// What the four bytes behind the checksum say, with a blank in front.
    static func rest(_ icmp: ICMPHeader) -> String {
        switch icmp.type {
        case echo, echoReply: " \(icmp.rest >> 16)/\(icmp.rest & 0xffff)"
        case packetTooBig: " mtu \(icmp.rest)"
        case parameterProblem: " at \(icmp.rest)"
        case neighborSolicitation, neighborAdvertisement: ""
        default: icmp.rest == 0 ? "" : " rest \(PacketDescription.hex(icmp.rest))"
        }
    }
}
