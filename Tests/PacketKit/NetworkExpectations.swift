import Wire

/// An Ethernet header as expectations see it.
public struct EthernetFields: Sendable {
    let bytes: [UInt8]
    let tag: UInt16?
    let type: UInt16
}

extension Check where Header == EthernetFields {
    public static func source(_ text: String) -> Check {
        Check("source", mac(text)) { MACAddress(bits: UInt64(number($0.bytes[6..<12]))) }
    }
    public static func destination(_ text: String) -> Check {
        Check("destination", mac(text)) { MACAddress(bits: UInt64(number($0.bytes[..<6]))) }
    }
    /// Behind the tag, when there is one.
    public static func type(_ type: UInt16) -> Check { Check("type", type) { $0.type } }
    public static func vlan(_ id: UInt16) -> Check { Check("vlan", id) { $0.tag.map { $0 & 0xfff } } }
}

/// An IPv4 header, or an IPv6 header with its extension headers, as expectations see it.
public struct IPFields: Sendable {
    let version: Int
    let header: [UInt8]
    var options: [UInt8] = []
    var extensions: [UInt8] = []
    var proto: UInt8
    /// Fragment offset in bytes with the flags in its low bits as IPv6 has them.
    var offset = 0
    var more = false
    var id: Int?

    func address(_ range4: Range<Int>, _ range6: Range<Int>) -> IPAddress {
        let bytes = header[version == 4 ? range4 : range6]
        if version == 4 { return IPAddress(v4: UInt32(number(bytes))) }
        return IPAddress(
            high: UInt64(bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }),
            low: UInt64(bytes.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }))
    }
}

extension Check where Header == IPFields {
    public static func source(_ address: Endpoint) -> Check { Check("source", address.address) { $0.address(12..<16, 8..<24) } }
    public static func destination(_ address: Endpoint) -> Check {
        Check("destination", address.address) { $0.address(16..<20, 24..<40) }
    }
    /// Time to live or hop limit.
    public static func ttl(_ hops: UInt8) -> Check { Check("ttl", hops) { $0.version == 4 ? $0.header[8] : $0.header[7] } }
    /// Type of service or traffic class.
    public static func tos(_ tos: UInt8) -> Check {
        Check("tos", tos) { $0.version == 4 ? $0.header[1] : $0.header[0] << 4 | $0.header[1] >> 4 }
    }
    public static func flow(_ label: Int) -> Check {
        Check("flow", label) { $0.version == 6 ? number($0.header[1..<4]) & 0xfffff : nil }
    }
    public static func id(_ id: Int) -> Check { Check("id", id) { $0.id } }
    public static func df(_ set: Bool) -> Check { Check("df", set) { $0.version == 4 ? $0.header[6] & 0x40 != 0 : nil } }
    public static func mf(_ set: Bool) -> Check { Check("mf", set) { $0.more } }
    /// Fragment offset in bytes.
    public static func offset(_ bytes: Int) -> Check { Check("offset", bytes) { $0.offset } }
    /// Total length (IPv4) or payload length (IPv6) in bytes.
    public static func length(_ bytes: Int) -> Check {
        Check("length", bytes) { number($0.version == 4 ? $0.header[2..<4] : $0.header[4..<6]) }
    }
    /// What follows the extension headers.
    public static func proto(_ proto: UInt8) -> Check { Check("proto", proto) { $0.proto } }
    public static func options(_ bytes: [UInt8]) -> Check { Check("options", bytes) { $0.options } }
    /// Numbers of the extension headers in order.
    public static func extensions(_ protos: [UInt8]) -> Check { Check("extension headers", protos) { $0.extensions } }
}

extension Layer {
    public static func ethernet(_ checks: Check<EthernetFields>...) -> Layer {
        Layer("ethernet", checks) { rest in
            guard let bytes = rest.take(14) else { return .missing("only \(rest.bytes.count) bytes") }
            var type = UInt16(number(bytes[12...])), tag: UInt16?
            if type == 0x8100 || type == 0x88a8 {
                guard let more = rest.take(4) else { return .missing("tag is cut off") }
                tag = UInt16(number(more[..<2]))
                type = UInt16(number(more[2...]))
            }
            return .header(EthernetFields(bytes: bytes, tag: tag, type: type), complaints: [])
        }
    }

    /// Anything behind the total length is an error, for frames that are emitted carry no padding.
    public static func ipv4(_ checks: Check<IPFields>...) -> Layer {
        Layer("ipv4", checks) { rest in
            if let why = rest.expects(4) { return .missing(why) }
            guard rest.bytes.count >= 20, rest.bytes[0] >> 4 == 4 else { return .missing("no IPv4 header") }
            let size = Int(rest.bytes[0] & 15) * 4, total = number(rest.bytes[2..<4])
            guard size >= 20, let header = rest.take(size) else { return .missing("header length \(size)") }
            var complaints: [String] = []
            if !rest.isQuote {
                if SlowChecksum.internet(header) != 0 { complaints.append("bad header checksum") }
                let count = size + rest.bytes.count
                if count != total { complaints.append("total length \(total), but \(count) bytes") }
            }
            let fragment = number(header[6..<8])
            var fields = IPFields(version: 4, header: header, options: Array(header[20...]), proto: header[9])
            fields.offset = (fragment & 0x1fff) * 8
            fields.more = fragment & 0x2000 != 0
            fields.id = number(header[4..<6])
            rest.enter(addresses: header[12..<20], fields)
            return .header(fields, complaints: complaints)
        }
    }

    public static func ipv6(_ checks: Check<IPFields>...) -> Layer {
        Layer("ipv6", checks) { rest in
            if let why = rest.expects(41) { return .missing(why) }
            guard rest.bytes.first.map({ $0 >> 4 }) == 6, let header = rest.take(40) else { return .missing("no IPv6 header") }
            var complaints: [String] = []
            let length = number(header[4..<6])
            if !rest.isQuote, length != rest.bytes.count {
                complaints.append("payload length \(length), but \(rest.bytes.count) bytes")
            }
            var fields = IPFields(version: 6, header: header, proto: header[6])
            while [0, 43, 44, 51, 60].contains(fields.proto), fields.offset == 0 {
                guard rest.bytes.count >= 2 else { return .missing("extension header is cut off") }
                let words = Int(rest.bytes[1])
                let size = fields.proto == 44 ? 8 : fields.proto == 51 ? words * 4 + 8 : words * 8 + 8
                guard let more = rest.take(size) else { return .missing("extension header is cut off") }
                fields.extensions.append(fields.proto)
                if fields.proto == 44 {
                    fields.offset = number(more[2..<4]) & 0xfff8
                    fields.more = more[3] & 1 == 1
                    fields.id = number(more[4..<8])
                }
                fields.proto = more[0]
            }
            rest.enter(addresses: header[8..<40], fields)
            return .header(fields, complaints: complaints)
        }
    }

    /// What is left behind the headers before.
    public static func payload(_ bytes: [UInt8]) -> Layer {
        Layer("payload") { rest, found in
            if rest.bytes != bytes { found.append("payload: got \(text(rest.bytes)), want \(text(bytes))") }
            return true
        }
    }
}

private func text(_ bytes: [UInt8]) -> String { bytes.isEmpty ? "no bytes" : hexText(bytes) }

extension Rest {
    fileprivate mutating func enter(addresses: ArraySlice<UInt8>, _ fields: IPFields) {
        self.addresses = Array(addresses)
        proto = fields.proto
        if fields.offset != 0 || fields.more { isWhole = false }
    }
}
