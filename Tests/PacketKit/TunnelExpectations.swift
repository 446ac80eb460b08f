/// A GRE header as expectations see it.
public struct GREFields: Sendable { let bytes: [UInt8] }
/// A GUE header with its optional part as expectations see it; no bytes in variant 1.
public struct GUEFields: Sendable { let bytes: [UInt8] }

extension Check where Header == GREFields {
    /// All bytes of the header.
    public static func header(_ bytes: [UInt8]) -> Check { Check("header", bytes) { $0.bytes } }
    /// EtherType of what follows.
    public static func proto(_ type: Int) -> Check { Check("proto", type) { number($0.bytes[2..<4]) } }
    public static func checksummed(_ yes: Bool) -> Check { Check("checksummed", yes) { $0.bytes[0] & 0x80 != 0 } }
}

extension Check where Header == GUEFields {
    /// All bytes of the header.
    public static func header(_ bytes: [UInt8]) -> Check { Check("header", bytes) { $0.bytes } }
    /// IP protocol number of what follows.
    public static func proto(_ proto: UInt8) -> Check { Check("proto", proto) { $0.bytes.count > 1 ? $0.bytes[1] : nil } }
}

extension Layer {
    public static func gre(_ checks: Check<GREFields>...) -> Layer {
        Layer("gre", checks) { rest in
            if let why = rest.expects(47) { return .missing(why) }
            guard let flags = rest.bytes.first, rest.bytes.count >= 4 else { return .missing("only \(rest.bytes.count) bytes") }
            let sumIsRight = flags & 0x80 == 0 || !rest.isWhole || SlowChecksum.internet(rest.bytes) == 0
            let size = 4 + [0x80, 0x20, 0x10].filter { flags & $0 != 0 }.count * 4
            guard let header = rest.take(size) else { return .missing("header is cut off") }
            rest.proto = number(header[2..<4]) == 0x86dd ? 41 : 4
            return .header(GREFields(bytes: header), complaints: sumIsRight ? [] : ["bad checksum"])
        }
    }

    /// What stands behind the UDP header of a GUE tunnel, variant 0 or 1.
    public static func gue(_ checks: Check<GUEFields>...) -> Layer {
        Layer("gue", checks) { rest in
            guard let first = rest.bytes.first else { return .missing("no bytes") }
            if first >> 6 == 1 {
                rest.proto = first >> 4 == 6 ? 41 : 4
                return .header(GUEFields(bytes: []), complaints: [])
            }
            guard first >> 6 == 0, let header = rest.take(4 + Int(first & 31) * 4) else { return .missing("header is cut off") }
            rest.proto = header[1]
            return .header(GUEFields(bytes: header), complaints: [])
        }
    }
}
