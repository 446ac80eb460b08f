/// A frame as one line that a person can read: who to whom, with what, and what is wrong with it.
///
///     02:00:00:00:00:01 > 02:00:00:00:00:02 192.0.2.1:4000 > 10.0.0.1:80 TCP [S] seq 1 win 65535 len 40 ttl 64 id 7 DF
///
/// Tunnels go on with `| inner packet`, ICMP errors with `[quoted packet]`. What cannot be read is named in angle
/// brackets and what stands there follows in hexadecimal. Numbers are decimal unless marked 0x; lengths are in bytes.
public struct PacketDescription: CustomStringConvertible, Sendable {
    public private(set) var description = ""

    /// UDP destination ports behind which GUE is looked for.
    let guePorts: [UInt16]

    /// The port that IANA gave to GUE.
    public static var defaultGUEPorts: [UInt16] { [6080] }

    /// An Ethernet frame.
    public init(_ frame: Bytes, guePorts: [UInt16] = defaultGUEPorts) {
        self.guePorts = guePorts
        ethernet(frame)
    }

    /// An IP packet without an Ethernet header.
    public init(ip packet: Bytes, guePorts: [UInt16] = defaultGUEPorts) {
        self.guePorts = guePorts
        ip(packet, Place())
    }

    /// Where a packet stands: how deep, and whether only its beginning can be there.
    struct Place {
        var depth = 0
        var isQuoted = false
        /// Whether the packet around it is a fragment, so that lengths and checksums cannot be judged.
        var isCut = false

        var inner: Place { Place(depth: depth + 1, isQuoted: isQuoted, isCut: isCut) }
        /// Deeper nesting than any sane packet has is not followed.
        var isTooDeep: Bool { depth > 6 }
    }

    mutating func say(_ words: String) {
        if let last = description.utf8.last, last != 0x20, last != UInt8(ascii: "[") { description += " " }
        description += words
    }

    /// What `body` says, between square brackets.
    mutating func bracketed(_ body: (inout PacketDescription) -> Void) {
        say("[")
        body(&self)
        description += "]"
    }

    /// Says what is wrong, and shows the first bytes of what stands there.
    mutating func complain(_ what: String, _ bytes: Bytes? = nil) {
        say("<\(what)>")
        if let bytes, bytes.count > 0 { say(Self.hex(bytes.prefix(24)) + (bytes.count > 24 ? ".." : "")) }
    }

    mutating func ethernet(_ frame: Bytes) {
        guard frame.count >= 14 else { return complain("short Ethernet header", frame) }
        say("\(frame.mac(at: 6)) > \(frame.mac(at: 0))")
        var offset = 12
        var type = frame.big16(at: offset)
        while type == EtherType.vlan || type == EtherType.serviceVLAN {
            guard frame.holds(6, at: offset) else { return complain("short VLAN tag", frame.dropFirst(offset + 2)) }
            let tag = frame.big16(at: offset + 2)
            say((type == EtherType.vlan ? "vlan" : "service vlan") + " \(tag & 0xfff)")
            if tag >> 13 != 0 { say("priority \(tag >> 13)") }
            if tag & 0x1000 != 0 { say("drop eligible") }
            offset += 4
            type = frame.big16(at: offset)
        }
        let payload = frame.dropFirst(offset + 2)
        switch type {
        case EtherType.ipv4, EtherType.ipv6:
            let version = payload.count > 0 ? payload[0] >> 4 : 0
            if version != (type == EtherType.ipv4 ? 4 : 6) { complain("version \(version) in type \(Self.hex(type))") }
            ip(payload, Place())
        case EtherType.arp: arp(payload)
        case ..<0x0600: say("802.3 len \(type)")
        default: say("type \(Self.hex(type)) len \(payload.count)")
        }
    }

    private mutating func arp(_ bytes: Bytes) {
        say("ARP")
        guard bytes.count >= 8 else { return complain("short ARP packet", bytes) }
        guard let arp = ARPPacket(bytes) else {
            let isKnownKind = bytes.big32(at: 0) == 0x0001_0800 && bytes.big16(at: 4) == 0x0604
            return complain(isKnownKind ? "short ARP packet" : "not Ethernet and IPv4", bytes)
        }
        switch arp.operation {
        case .request where arp.sender == arp.target: say("\(arp.sender) is at \(arp.senderMAC), asked of all")
        case .request:
            say("who has \(arp.target)? tell \(arp.sender) at \(arp.senderMAC)")
            if arp.targetMAC != .zero { say("asked of \(arp.targetMAC)") }
        case .reply:
            say("\(arp.sender) is at \(arp.senderMAC)")
            say(arp.sender == arp.target ? "told to all" : "told to \(arp.target) at \(arp.targetMAC)")
        default:
            say("operation \(arp.operation.rawValue)")
            say("from \(arp.sender) at \(arp.senderMAC) to \(arp.target) at \(arp.targetMAC)")
        }
    }

    static func hex(_ value: UInt16) -> String {
        let digits = String(value, radix: 16)
        return "0x" + String(repeating: "0", count: 4 - digits.count) + digits
    }

    static func hex(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
    }

    static func hex(_ value: UInt8) -> String { (value < 16 ? "0x0" : "0x") + String(value, radix: 16) }

    static func hex(_ bytes: Bytes) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.array.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
