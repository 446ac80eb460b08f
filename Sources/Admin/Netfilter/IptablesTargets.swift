import LVS
import Wire

/// Targets and their options.
extension IptablesRule {
    /// Targets that change nothing by which a packet could be marked, dropped or forwarded otherwise.
    private static let harmless: Set<String> = [
        "LOG", "NFLOG", "ULOG", "TRACE", "AUDIT", "CLASSIFY", "IDLETIMER", "LED", "RATEEST", "SECMARK", "CONNSECMARK", "CHECKSUM", "SET",
        "TEE",
    ]

    /// The target that `-j` or `-g` names.
    mutating func aim(at goal: String, isGoto: Bool) {
        switch goal {
        case _ where chains.contains(goal): target = .chain(goal, isGoto: isGoto)
        case _ where isGoto: target = .known(.unclear("\(goal): no chain"))
        case "ACCEPT": target = .known(.accept)
        case "RETURN": target = .known(.return)
        case "DROP": target = .known(.drop(.silent))
        case "NOTRACK": target = .known(.untrack)
        case "MARK", "CONNMARK", "REJECT", "CT": pending = goal
        case _ where Self.harmless.contains(goal):
            target = .known(.none)
            finish()
        default:
            target = .known(.unclear("\(goal): no target that is understood here, and no chain"))
            finish()
        }
    }

    /// The options of a target that is not looked into are the rest of the rule.
    private mutating func finish() { while words.next() != nil {} }

    /// What a target does whose options never came.
    static func finished(_ target: String, _ family: IPFamily) throws(Complaint) -> MarkTarget {
        switch target {
        case "MARK": throw Complaint("MARK: one of --set-mark, --set-xmark, --and-mark, --or-mark, --xor-mark is missing")
        case "REJECT": return .drop(family == .v4 ? .icmp(type: 3, code: 3) : .icmp(type: 1, code: 4))
        case "CT": return .none
        default: throw Complaint("\(target): an option is missing")
        }
    }

    /// - Returns: whether it was an option of the target.
    mutating func targetOption(_ name: String, _ given: String?, _ isNegated: Bool) throws(Complaint) -> Bool {
        let isMarking = ["--set-mark", "--set-xmark", "--and-mark", "--or-mark", "--xor-mark"].contains(name)
        guard let pending else {
            if isMarking { throw Complaint("\(name): needs -j MARK before it") }
            return false
        }
        guard isMarking || ["--reject-with", "--notrack", "--save-mark", "--restore-mark"].contains(name) || pending == "CT" else {
            return false
        }
        if isNegated { throw Complaint("\(name): cannot be negated") }
        guard target == nil else { throw Complaint("\(name): \(pending) takes one option") }
        switch (pending, name) {
        case ("MARK", _) where isMarking:
            let (clearing, toggling) = try marking(name, value(of: name, given))
            target = .known(.mark(clearing: clearing, toggling: toggling))
        case ("CONNMARK", _) where isMarking:
            let (clearing, toggling) = try marking(name, value(of: name, given))
            target = .known(.connectionMark(MarkTerm(.constant, mask: 0, toggle: UInt128(toggling)), keeping: ~clearing))
        case ("CONNMARK", "--save-mark"):
            let (packet, connection) = try masks()
            target = .known(.connectionMark(MarkTerm(.mark, mask: UInt128(packet)), keeping: ~connection))
        case ("CONNMARK", "--restore-mark"):
            let (packet, connection) = try masks()
            target = .known(.markFrom(MarkTerm(.connectionMark, mask: UInt128(connection)), keeping: ~packet))
        case ("REJECT", "--reject-with"):
            let text = try value(of: name, given)
            guard let rejection = Self.rejection(text, family) else { throw Complaint("\(text): unknown reject type") }
            target = .known(.drop(rejection))
        case ("CT", _):
            target = .known(name == "--notrack" ? .untrack : .none)
            finish()
        default: throw Complaint("\(name): not an option of \(pending)")
        }
        return true
    }

    /// The masks behind --save-mark and --restore-mark: of the packet's mark and of the connection's.
    private mutating func masks() throws(Complaint) -> (packet: UInt32, connection: UInt32) {
        var masks = (packet: UInt32.max, connection: UInt32.max)
        while let option = words.peek, ["--nfmask", "--ctmask", "--mask"].contains(option) {
            _ = words.next()
            let (mask, _) = try Self.masked(try words.argument(of: option), hasMask: false)
            if option != "--ctmask" { masks.packet = mask }
            if option != "--nfmask" { masks.connection = mask }
        }
        return masks
    }

    private func marking(_ option: String, _ text: String) throws(Complaint) -> (clearing: UInt32, toggling: UInt32) {
        let (value, mask) = try Self.masked(text, hasMask: option.hasPrefix("--set-"))
        return switch option {
        case "--set-mark": (mask | value, value)
        case "--set-xmark": (mask, value)
        case "--and-mark": (~value, 0)
        case "--or-mark": (value, value)
        default: (0, value)
        }
    }

    private static let rejections4: [String: UInt8] = [
        "icmp-net-unreachable": 0, "net-unreach": 0, "icmp-host-unreachable": 1, "host-unreach": 1, "icmp-proto-unreachable": 2,
        "proto-unreach": 2, "icmp-port-unreachable": 3, "port-unreach": 3, "icmp-net-prohibited": 9, "net-prohib": 9,
        "icmp-host-prohibited": 10, "host-prohib": 10, "icmp-admin-prohibited": 13, "admin-prohib": 13,
    ]
    private static let rejections6: [String: UInt8] = [
        "icmp6-no-route": 0, "no-route": 0, "icmp6-adm-prohibited": 1, "adm-prohibited": 1, "icmp6-addr-unreachable": 3, "addr-unreach": 3,
        "icmp6-port-unreachable": 4, "port-unreach": 4, "icmp6-policy-fail": 5, "policy-fail": 5, "icmp6-reject-route": 6,
        "reject-route": 6,
    ]

    private static func rejection(_ text: String, _ family: IPFamily) -> MarkRejection? {
        if text == "tcp-reset" { return .reset }
        if family == .v4 { return rejections4[text].map { .icmp(type: 3, code: $0) } }
        return rejections6[text].map { .icmp(type: 1, code: $0) }
    }
}
