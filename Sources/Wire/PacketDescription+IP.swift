extension PacketDescription {
    /// What an IP header says about the message it carries.
    struct Envelope {
        var source: IPAddress
        var destination: IPAddress
        var isV6: Bool
        var proto: UInt8
        /// The words behind the message's own: length, hops, id and so on.
        var words: String
        /// Whether it carries the beginning of a message.
        var isFirst = true
        /// Whether the whole message is there, so that its checksum can be judged.
        var isWhole = true
        /// Whether it is only the first piece of a message, or stands in one.
        var isPiece = false
        var place: Place

        /// Whether the field at `offset` holds the sum of the pseudo-header only: the interface is to complete it.
        func isPartial(_ message: Bytes, at offset: Int) -> Bool {
            var sum = Checksum()
            sum.addPseudoHeader(from: source, to: destination, proto: proto, length: message.count)
            return message.big16(at: offset) == sum.folded
        }

        /// What is wrong with a checksum at `offset`, with a blank in front; nothing when it is right or cannot be judged.
        func judgement(_ name: String, of message: Bytes, at offset: Int) -> String {
            guard isWhole, !isSummed(message) else { return "" }
            return isPartial(message, at: offset) ? " partial checksum" : " <bad \(name) checksum>"
        }

        func isSummed(_ message: Bytes) -> Bool { Checksum.of(message, from: source, to: destination, proto: proto) == 0 }
    }

    mutating func ip(_ bytes: Bytes, _ place: Place) {
        guard bytes.count > 0 else { return complain("empty") }
        switch bytes[0] >> 4 {
        case 4: ipv4(bytes, place)
        case 6: ipv6(bytes, place)
        default: complain("version \(bytes[0] >> 4)", bytes)
        }
    }

    private mutating func ipv4(_ bytes: Bytes, _ place: Place) {
        guard bytes.count >= 20 else { return complain("short IPv4 header", bytes) }
        let headerLength = Int(bytes[0] & 15) * 4, total = Int(bytes.big16(at: 2)), fragment = bytes.big16(at: 6)
        let source = bytes.ipv4(at: 12), destination = bytes.ipv4(at: 16), offset = Int(fragment & 0x1fff) * 8
        var words = "len \(total) ttl \(bytes[8]) id \(bytes.big16(at: 4))"
        if fragment & 0x4000 != 0 { words += " DF" }
        if fragment & 0x8000 != 0 { words += " reserved flag" }
        if bytes[1] != 0 { words += " tos \(Self.hex(bytes[1]))" }
        if fragment & 0x3fff != 0 { words += " frag \(offset)\(fragment & 0x2000 != 0 ? "+" : "")" }
        guard let header = IPv4Header(bytes) else {
            say("\(source) > \(destination) \(Self.name(bytes[9])) \(words)")
            return complain("bad header length \(headerLength)", bytes.dropFirst(20))
        }
        if headerLength > 20 { words += " options \(Self.hex(bytes.dropFirst(20).prefix(headerLength - 20)))" }
        if !header.hasValidChecksum, !place.isQuoted { words += " <bad header checksum>" }
        let isBad = total < headerLength || total > bytes.count
        // The rest of what is inside a fragment stands in others.
        if isBad, !((place.isQuoted || place.isCut) && total > bytes.count) { words += " <bad total length>" }
        let message = isBad ? bytes.dropFirst(headerLength) : bytes.prefix(total).dropFirst(headerLength)
        self.message(
            message,
            Envelope(
                source: source, destination: destination, isV6: false, proto: header.proto, words: words, isFirst: offset == 0,
                isWhole: !isBad && fragment & 0x3fff == 0 && !place.isQuoted && !place.isCut,
                isPiece: fragment & 0x3fff != 0 || place.isCut, place: place))
    }

    private mutating func ipv6(_ bytes: Bytes, _ place: Place) {
        guard let header = IPv6Header(bytes) else { return complain("short IPv6 header", bytes) }
        let length = header.payloadLength
        var words = "len \(length) ttl \(header.hopLimit)"
        if header.trafficClass != 0 { words += " tos \(Self.hex(header.trafficClass))" }
        if header.flowLabel != 0 { words += " flow 0x\(String(header.flowLabel, radix: 16))" }
        let isBad = 40 + length > bytes.count
        let packet = isBad ? bytes : bytes.prefix(40 + length)
        var envelope = Envelope(
            source: header.source, destination: header.destination, isV6: true, proto: header.nextHeader,
            words: words, isWhole: !isBad && !place.isQuoted && !place.isCut, isPiece: place.isCut, place: place)
        var walk = ExtensionWalk(packet)
        while let found = walk.next() {
            switch found.proto {
            case IPProtocol.fragment:
                let word = packet.big16(at: found.offset + 2), offset = Int(word & 0xfff8)
                envelope.words += " fragid \(Self.hex(packet.big32(at: found.offset + 4))) frag \(offset)\(word & 1 != 0 ? "+" : "")"
                envelope.isFirst = offset == 0
                if word & 0xfff9 != 0 { (envelope.isWhole, envelope.isPiece) = (false, true) }
            default: envelope.words += " " + Self.name(found.proto)
            }
        }
        if isBad, !place.isQuoted, !place.isCut { envelope.words += " <bad payload length>" }
        if header.source.isV4 || header.destination.isV4 { envelope.words += " <mapped address>" }
        envelope.proto = walk.proto
        guard !walk.isCutOff else {
            say("\(Self.text(header.source, isV6: true)) > \(Self.text(header.destination, isV6: true))")
            say("\(Self.name(walk.proto)) \(envelope.words)")
            return complain("bad extension header", packet.dropFirst(walk.offset))
        }
        message(packet.dropFirst(walk.offset), envelope)
    }

    /// The names of the numbers that stand in a protocol field.
    static func name(_ proto: UInt8) -> String {
        switch proto {
        case IPProtocol.hopByHop: "hop-by-hop"
        case IPProtocol.icmp: "ICMP"
        case IPProtocol.tcp: "TCP"
        case IPProtocol.udp: "UDP"
        case IPProtocol.routing: "routing"
        case IPProtocol.fragment: "fragment"
        case IPProtocol.esp: "ESP"
        case IPProtocol.ah: "AH"
        case IPProtocol.icmpv6: "ICMPv6"
        case IPProtocol.none: "no next header"
        case IPProtocol.destinationOptions: "destination-options"
        case IPProtocol.sctp: "SCTP"
        default: "proto \(proto)"
        }
    }

    /// An address as it stood on the wire: IPv6 keeps the mapped form.
    static func text(_ address: IPAddress, isV6: Bool) -> String {
        isV6 && address.isV4 ? "::ffff:\(address)" : "\(address)"
    }

    static func text(_ address: IPAddress, _ port: UInt16, isV6: Bool) -> String {
        isV6 ? "[\(text(address, isV6: true))]:\(port)" : "\(address):\(port)"
    }
}

/// Goes from one IPv6 extension header to the next, also where `IPv6Extensions` refuses the packet.
struct ExtensionWalk {
    let bytes: Bytes
    /// What stands at `offset`.
    private(set) var proto: UInt8
    private(set) var offset = 40
    /// Whether a header reaches behind the end.
    private(set) var isCutOff = false
    private var isFinished = false

    /// `bytes` begins with an IPv6 header of 40 bytes.
    init(_ bytes: Bytes) {
        self.bytes = bytes
        proto = bytes[6]
    }

    mutating func next() -> (proto: UInt8, offset: Int)? {
        guard !isFinished else { return nil }
        switch proto {
        case IPProtocol.hopByHop, IPProtocol.routing, IPProtocol.destinationOptions, IPProtocol.ah, IPProtocol.fragment: break
        default: return nil
        }
        guard bytes.holds(8, at: offset) else { return end() }
        let words = Int(bytes[offset + 1])
        let length = proto == IPProtocol.fragment ? 8 : proto == IPProtocol.ah ? (words + 2) * 4 : (words + 1) * 8
        guard bytes.holds(length, at: offset) else { return end() }
        let found = (proto, offset)
        isFinished = proto == IPProtocol.fragment && bytes.big16(at: offset + 2) & 0xfff8 != 0
        proto = bytes[offset]
        offset += length
        return found
    }

    private mutating func end() -> (proto: UInt8, offset: Int)? {
        isCutOff = true
        return nil
    }
}
