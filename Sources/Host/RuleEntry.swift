import Clibnl
import Glibc
import LVS
import Wire

/// A policy rule as the kernel tells of it (fib_rules.h).
struct RuleEntry {
    let rule: PolicyRule
    /// The rule and what of it is not followed; such a rule is passed over.
    let unfollowed: String?
    /// It is one of those that the kernel makes itself at the beginning.
    let isKernels: Bool
    /// A director has made it, to lead to itself what the host sends.
    let isDirectors: Bool
    /// It leads everything to the table `local`, first of all.
    var isLocals: Bool { PolicyRule.standard.contains { $0.priority == 0 && $0 == rule } }

    init?(_ message: RtnetlinkMessage) {
        guard let fixed = message.fixed(fib_rule_hdr.self), let family = IPFamily(netlink: Int32(fixed.family)) else { return nil }
        var fields = Fields(family)
        message.forEachAttribute(behind: MemoryLayout<fib_rule_hdr>.size) { fields.take($0, $1, fixed) }
        var rule = fields.rule
        rule.isInverted = fixed.flags & UInt32(FIB_RULE_INVERT) != 0
        rule.typeOfService = fixed.tos
        switch Int(fixed.action) {
        case FR_ACT_TO_TBL: rule.action = .lookup(fields.table ?? UInt32(fixed.table))
        case FR_ACT_GOTO: rule.action = .goto(fields.target)
        case FR_ACT_NOP: rule.action = .nop
        case FR_ACT_UNREACHABLE: rule.action = .unreachable
        case FR_ACT_PROHIBIT: rule.action = .prohibit
        default: rule.action = .blackhole
        }
        self.rule = rule
        unfollowed = fields.strange.isEmpty ? nil : "rule \(rule): \(fields.strange.joined(separator: ", ")) is not followed"
        isDirectors = fields.origin == OwnTrafficRouting.origin && (rule.priority == 0 || rule.priority == OwnTrafficRouting.priority)
        // A director has made a thousand of them, perhaps.
        isKernels = !isDirectors && PolicyRule.standard.contains(rule)
    }

    /// What the attributes say.
    private struct Fields {
        var rule: PolicyRule
        var table: UInt32?
        var target: UInt32 = 0
        var origin: UInt8 = 0
        var strange: [String] = []

        init(_ family: IPFamily) { rule = PolicyRule(family, priority: 0, .nop) }

        mutating func take(_ type: Int, _ bytes: UnsafeRawBufferPointer, _ fixed: fib_rule_hdr) {
            switch type {
            case FRA_DST: rule.destination = prefix(bytes, fixed.dst_len)
            case FRA_SRC: rule.source = prefix(bytes, fixed.src_len)
            case FRA_IIFNAME: rule.ingress = name(bytes)
            case FRA_OIFNAME: rule.egress = name(bytes)
            case FRA_GOTO: target = number(bytes)
            case FRA_PRIORITY: rule.priority = number(bytes)
            case FRA_FWMARK: rule.mark = number(bytes)
            case FRA_FWMASK: rule.markMask = number(bytes)
            case FRA_TABLE: table = number(bytes)
            case FRA_TUN_ID: rule.tunnel = bytes.reduce(0) { $0 << 8 | UInt64($1) }
            case FRA_PROTOCOL: origin = bytes.first ?? 0
            case FRA_IP_PROTO: rule.proto = bytes.first ?? 0
            case FRA_SPORT_RANGE: rule.sourcePorts = ports(bytes)
            case FRA_DPORT_RANGE: rule.destinationPorts = ports(bytes)
            case FRA_UID_RANGE:
                guard bytes.count >= 8 else { return }
                let last = bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
                rule.users = number(bytes)...max(number(bytes), last)
            case FRA_SUPPRESS_PREFIXLEN:
                let length = Int32(bitPattern: number(bytes))
                rule.suppressedLength = length < 0 ? nil : Int(length)
            case FRA_SUPPRESS_IFGROUP:
                if Int32(bitPattern: number(bytes)) >= 0 { strange.append("suppress_ifgroup") }
            case FRA_L3MDEV:
                if bytes.first ?? 0 != 0 { strange.append("l3mdev (VRF)") }
            // Realms only count; what pads says nothing.
            case FRA_FLOW, FRA_PAD: break
            default: takeLater(type, bytes)
            }
        }

        /// Attributes of kernels after 6.1, by their numbers.
        private mutating func takeLater(_ type: Int, _ bytes: UnsafeRawBufferPointer) {
            switch type {
            case 25, 30: strange.append("dscp")
            case 26, 27: strange.append("flowlabel")
            case 28, 29:
                // The mask of a single port is there even where nobody gave one.
                if !bytes.allSatisfy({ $0 == 0xff }) { strange.append(type == 28 ? "sport with a mask" : "dport with a mask") }
            default: strange.append("attribute \(type)")
            }
        }

        private func number(_ bytes: UnsafeRawBufferPointer) -> UInt32 { bytes.count >= 4 ? bytes.loadUnaligned(as: UInt32.self) : 0 }

        private func name(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }

        private func ports(_ bytes: UnsafeRawBufferPointer) -> ClosedRange<UInt16>? {
            guard bytes.count >= 4 else { return nil }
            let first = bytes.loadUnaligned(as: UInt16.self)
            return first...max(first, bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        }

        private func prefix(_ bytes: UnsafeRawBufferPointer, _ length: UInt8) -> AddressPrefix? {
            guard length > 0, let address = IPAddress(network: bytes) else { return nil }
            return AddressPrefix(address, length: Int(length))
        }
    }
}
