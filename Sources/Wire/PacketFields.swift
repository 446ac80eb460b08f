/// Collects the fields of a frame's headers in order.
struct FieldList {
    let guePorts: [UInt16]
    var fields: [PacketDescription.Field] = []
    /// `inner ` for each tunnel, `quoted ` for each ICMP error around a header.
    var place = ""
    var depth = 0
    var isQuoted = false

    init(guePorts: [UInt16]) { self.guePorts = guePorts }

    /// What the headers in front of a message say.
    struct Envelope {
        var source: IPAddress
        var destination: IPAddress
        var isV6: Bool
        var isWhole: Bool

        func isSummed(_ message: Bytes, _ proto: UInt8) -> Bool {
            Checksum.of(message, from: source, to: destination, proto: proto) == 0
        }
    }

    mutating func add(_ header: String, _ name: String, _ value: some CustomStringConvertible) {
        fields.append(.init(header: place + header, name: name, value: value.description))
    }

    /// A run of bytes; none leaves no field.
    mutating func add(_ header: String, _ name: String, bytes: Bytes) {
        guard bytes.count > 0 else { return }
        fields.append(.init(header: place + header, name: name, value: PacketDescription.hex(bytes), isBytes: true))
    }

    /// A checksum: whether it is right when that can be judged, else the number.
    mutating func add(_ header: String, checksum: String, isRight: @autoclosure () -> Bool, when isWhole: Bool) {
        add(header, "checksum", isWhole && isRight() ? "valid" : checksum)
    }

    mutating func ethernet(_ frame: Bytes) {
        guard frame.count >= 14 else { return add("Ethernet", "bytes", bytes: frame) }
        add("Ethernet", "destination", frame.mac(at: 0))
        add("Ethernet", "source", frame.mac(at: 6))
        var offset = 12
        while [EtherType.vlan, EtherType.serviceVLAN].contains(frame.big16(at: offset)), frame.holds(6, at: offset) {
            let tag = frame.big16(at: offset + 2)
            add("VLAN", "type", PacketDescription.hex(frame.big16(at: offset)))
            add("VLAN", "id", tag & 0xfff)
            add("VLAN", "priority", tag >> 13)
            add("VLAN", "drop eligible", tag & 0x1000 != 0)
            offset += 4
        }
        let type = frame.big16(at: offset), payload = frame.dropFirst(offset + 2)
        add("Ethernet", "type", PacketDescription.hex(type))
        switch type {
        case EtherType.ipv4, EtherType.ipv6: ip(payload)
        case EtherType.arp: arp(payload)
        default: add("Ethernet", "payload", bytes: payload)
        }
    }

    private mutating func arp(_ bytes: Bytes) {
        guard let arp = ARPPacket(bytes) else { return add("ARP", "bytes", bytes: bytes) }
        add("ARP", "operation", arp.operation.rawValue)
        add("ARP", "sender MAC", arp.senderMAC)
        add("ARP", "sender", arp.sender)
        add("ARP", "target MAC", arp.targetMAC)
        add("ARP", "target", arp.target)
        add("ARP", "padding", bytes: bytes.dropFirst(ARPPacket.length))
    }

    mutating func ip(_ bytes: Bytes) {
        if let header = IPv4Header(bytes) {
            ipv4(header)
        } else if let header = IPv6Header(bytes) {
            ipv6(header)
        } else {
            add("IP", "bytes", bytes: bytes)
        }
    }

    private mutating func ipv4(_ header: IPv4Header) {
        let bytes = header.bytes, total = header.totalLength
        add("IPv4", "source", header.source)
        add("IPv4", "destination", header.destination)
        add("IPv4", "tos", PacketDescription.hex(header.typeOfService))
        add("IPv4", "len", total)
        add("IPv4", "id", header.id)
        add("IPv4", "DF", header.dontFragment)
        add("IPv4", "MF", header.moreFragments)
        add("IPv4", "reserved flag", header.fragmentWord & 0x8000 != 0)
        add("IPv4", "offset", header.fragmentOffset)
        add("IPv4", "ttl", header.timeToLive)
        add("IPv4", "protocol", header.proto)
        add("IPv4", checksum: PacketDescription.hex(header.checksum), isRight: header.hasValidChecksum, when: true)
        add("IPv4", "options", bytes: bytes.dropFirst(20).prefix(header.length - 20))
        let isBad = total < header.length || total > bytes.count
        if !isBad { add("IPv4", "padding", bytes: bytes.dropFirst(total)) }
        let message = isBad ? bytes.dropFirst(header.length) : bytes.prefix(total).dropFirst(header.length)
        guard header.fragmentOffset == 0 else { return add("IPv4", "payload", bytes: message) }
        self.message(
            message, header.proto,
            Envelope(
                source: header.source, destination: header.destination, isV6: false,
                isWhole: !isBad && !header.isFragment && !isQuoted))
    }

    private mutating func ipv6(_ header: IPv6Header) {
        let bytes = header.bytes, isBad = 40 + header.payloadLength > bytes.count
        let packet = isBad ? bytes : bytes.prefix(40 + header.payloadLength)
        add("IPv6", "source", PacketDescription.text(header.source, isV6: true))
        add("IPv6", "destination", PacketDescription.text(header.destination, isV6: true))
        add("IPv6", "tos", PacketDescription.hex(header.trafficClass))
        add("IPv6", "flow", PacketDescription.hex(header.flowLabel))
        add("IPv6", "len", header.payloadLength)
        add("IPv6", "ttl", header.hopLimit)
        if !isBad { add("IPv6", "padding", bytes: bytes.dropFirst(packet.count)) }
        var envelope = Envelope(source: header.source, destination: header.destination, isV6: true, isWhole: !isBad && !isQuoted)
        var isFirst = true
        var walk = ExtensionWalk(packet)
        while let found = walk.next() {
            let name = PacketDescription.name(found.proto)
            guard found.proto == IPProtocol.fragment else {
                add("IPv6", name, bytes: packet.prefix(walk.offset).dropFirst(found.offset + 1))
                continue
            }
            let word = packet.big16(at: found.offset + 2)
            add("IPv6 fragment", "id", PacketDescription.hex(packet.big32(at: found.offset + 4)))
            add("IPv6 fragment", "offset", word & 0xfff8)
            add("IPv6 fragment", "more", word & 1 != 0)
            let reserved = UInt16(packet[found.offset + 1]) << 8 | word & 6
            if reserved != 0 { add("IPv6 fragment", "reserved", PacketDescription.hex(reserved)) }
            isFirst = word & 0xfff8 == 0
            if word & 0xfff9 != 0 { envelope.isWhole = false }
        }
        add("IPv6", "protocol", walk.proto)
        guard !walk.isCutOff, isFirst else { return add("IPv6", "payload", bytes: packet.dropFirst(walk.offset)) }
        message(packet.dropFirst(walk.offset), walk.proto, envelope)
    }
}
