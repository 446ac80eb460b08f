public import Wire

/// A TCP header with its options as expectations see it.
public struct TCPFields: Sendable { let bytes: [UInt8] }
/// A UDP header as expectations see it.
public struct UDPFields: Sendable { let bytes: [UInt8] }
/// An SCTP packet with the types of its chunks as expectations see it.
public struct SCTPFields: Sendable { let bytes: [UInt8], chunks: [UInt8] }
/// The first eight bytes of an ICMP or ICMPv6 message as expectations see it.
public struct ICMPFields: Sendable { let bytes: [UInt8] }

extension Check where Header == TCPFields {
    public static func sourcePort(_ port: Int) -> Check { Check("source port", port) { number($0.bytes[..<2]) } }
    public static func destinationPort(_ port: Int) -> Check { Check("destination port", port) { number($0.bytes[2..<4]) } }
    public static func seq(_ number32: Int) -> Check { Check("seq", number32) { number($0.bytes[4..<8]) } }
    public static func ack(_ number32: Int) -> Check { Check("ack", number32) { number($0.bytes[8..<12]) } }
    public static func flags(_ flags: TCPFlags) -> Check { Check("flags", letters(flags.rawValue)) { letters($0.bytes[13]) } }
    public static func window(_ size: Int) -> Check { Check("window", size) { number($0.bytes[14..<16]) } }
    public static func options(_ bytes: [UInt8]) -> Check { Check("options", bytes) { Array($0.bytes[20...]) } }
}

extension Check where Header == UDPFields {
    public static func sourcePort(_ port: Int) -> Check { Check("source port", port) { number($0.bytes[..<2]) } }
    public static func destinationPort(_ port: Int) -> Check { Check("destination port", port) { number($0.bytes[2..<4]) } }
    public static func length(_ bytes: Int) -> Check { Check("length", bytes) { number($0.bytes[4..<6]) } }
    /// Whether the field holds a checksum at all; when it does, it must be right.
    public static func checksummed(_ yes: Bool) -> Check { Check("checksummed", yes) { number($0.bytes[6..<8]) != 0 } }
}

extension Check where Header == SCTPFields {
    public static func sourcePort(_ port: Int) -> Check { Check("source port", port) { number($0.bytes[..<2]) } }
    public static func destinationPort(_ port: Int) -> Check { Check("destination port", port) { number($0.bytes[2..<4]) } }
    public static func tag(_ tag: Int) -> Check { Check("tag", tag) { number($0.bytes[4..<8]) } }
    /// Types of the chunks in order.
    public static func chunks(_ types: [UInt8]) -> Check { Check("chunks", types) { $0.chunks } }
}

extension Check where Header == ICMPFields {
    public static func type(_ type: UInt8) -> Check { Check("type", type) { $0.bytes[0] } }
    public static func code(_ code: UInt8) -> Check { Check("code", code) { $0.bytes[1] } }
    /// The four bytes behind the checksum.
    public static func rest(_ word: Int) -> Check { Check("rest", word) { number($0.bytes[4..<8]) } }
}

private func letters(_ flags: UInt8) -> String {
    String("FSRPAUEC".enumerated().filter { flags >> UInt8($0.offset) & 1 == 1 }.map(\.element))
}

extension Layer {
    /// The header with its options; of a quoted segment eight bytes are enough, whose other fields count as zero.
    public static func tcp(_ checks: Check<TCPFields>...) -> Layer {
        Layer("tcp", checks) { rest in
            if let why = rest.expects(6) { return .missing(why) }
            if rest.isQuote, rest.bytes.count == 8 { rest.bytes += [0, 0, 0, 0, 0x50, 0, 0, 0, 0, 0, 0, 0] }
            guard rest.bytes.count >= 20 else { return .missing("only \(rest.bytes.count) bytes") }
            let sumIsRight = !rest.isWhole || rest.isSummed(6)
            let size = Int(rest.bytes[12] >> 4) * 4
            guard size >= 20, let header = rest.take(size) else { return .missing("data offset \(size)") }
            rest.proto = nil
            return .header(TCPFields(bytes: header), complaints: sumIsRight ? [] : ["bad checksum"])
        }
    }

    public static func udp(_ checks: Check<UDPFields>...) -> Layer {
        Layer("udp", checks) { rest in
            if let why = rest.expects(17) { return .missing(why) }
            guard rest.bytes.count >= 8 else { return .missing("only \(rest.bytes.count) bytes") }
            var complaints: [String] = []
            let length = number(rest.bytes[4..<6])
            if rest.isWhole {
                if length != rest.bytes.count { complaints.append("length \(length), but \(rest.bytes.count) bytes") }
                if number(rest.bytes[6..<8]) != 0, !rest.isSummed(17) { complaints.append("bad checksum") }
            }
            let header = rest.take(8) ?? []
            rest.proto = nil
            return .header(UDPFields(bytes: header), complaints: complaints)
        }
    }

    /// All of an SCTP packet, chunks included.
    public static func sctp(_ checks: Check<SCTPFields>...) -> Layer {
        Layer("sctp", checks) { rest in
            if let why = rest.expects(132) { return .missing(why) }
            guard rest.bytes.count >= (rest.isQuote ? 8 : 12) else { return .missing("only \(rest.bytes.count) bytes") }
            let all = rest.bytes
            var complaints: [String] = [], chunks: [UInt8] = []
            if rest.isWhole, Array(all[8..<12]) != SlowChecksum.crc32c(all.with(0, 0, 0, 0, at: 8)) {
                complaints.append("bad checksum")
            }
            var at = 12
            while at + 4 <= all.count {
                let size = number(all[at + 2..<at + 4])
                chunks.append(all[at])
                guard size >= 4 else { complaints.append("chunk length \(size)"); break }
                at += (size + 3) / 4 * 4
            }
            rest.bytes = []
            rest.proto = nil
            return .header(SCTPFields(bytes: all, chunks: chunks), complaints: complaints)
        }
    }

    /// The eight bytes in front of an ICMP or ICMPv6 message.
    public static func icmp(_ checks: Check<ICMPFields>...) -> Layer {
        Layer("icmp", checks) { rest in
            let proto: UInt8 = rest.addresses.count == 32 ? 58 : 1
            if let why = rest.expects(proto) { return .missing(why) }
            guard rest.bytes.count >= 8 else { return .missing("only \(rest.bytes.count) bytes") }
            let sumIsRight = !rest.isWhole || (proto == 58 ? rest.isSummed(58) : SlowChecksum.internet(rest.bytes) == 0)
            let header = rest.take(8) ?? []
            rest.proto = nil
            return .header(ICMPFields(bytes: header), complaints: sumIsRight ? [] : ["bad checksum"])
        }
    }

    /// The packet that an ICMP error quotes, which may be cut off: lengths and transport checksums are not judged.
    public static func quoting(_ layers: Layer...) -> Layer {
        Layer("quoting") { rest, found in
            rest.isQuote = true
            rest.isWhole = false
            found += PacketKit.read(layers, &rest).map { "quoted \($0)" }
            return true
        }
    }
}
