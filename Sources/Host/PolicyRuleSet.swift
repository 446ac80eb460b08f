import Clibnl
import Glibc
import LVS
import Wire

/// The director's own rules among the host's (ip-rule(8)).
final class PolicyRuleSet {
    private let socket: NetlinkSocket

    init(_ socket: NetlinkSocket) { self.socket = socket }

    func add(_ match: OwnTraffic.Match, _ table: UInt32) throws(HostError) { try change(match, table, isAddition: true) }

    func remove(_ match: OwnTraffic.Match, _ table: UInt32) throws(HostError) { try change(match, table, isAddition: false) }

    private func change(_ match: OwnTraffic.Match, _ table: UInt32, isAddition: Bool) throws(HostError) {
        let about = match.source.map { "answers from \($0)" } ?? match.destination.map { "requests to \($0)" } ?? "packets"
        let what = "\(isAddition ? "lead" : "stop leading") the host's \(about) into the director"
        guard let rule = rtnl_rule_alloc() else { throw HostError(what, errno: ENOMEM) }
        defer { rtnl_rule_put(rule) }
        rtnl_rule_set_family(rule, match.family == .v4 ? AF_INET : AF_INET6)
        rtnl_rule_set_prio(rule, match.isForHost ? 0 : OwnTrafficRouting.priority)
        rtnl_rule_set_protocol(rule, OwnTrafficRouting.origin)
        rtnl_rule_set_action(rule, UInt8(FR_ACT_TO_TBL))
        rtnl_rule_set_table(rule, table)
        if let source = match.source {
            guard let address = NetlinkAddress(source) else { throw HostError(what, errno: ENOMEM) }
            rtnl_rule_set_src(rule, address.pointer)
        }
        if let destination = match.destination {
            guard let address = NetlinkAddress(destination) else { throw HostError(what, errno: ENOMEM) }
            rtnl_rule_set_dst(rule, address.pointer)
        }
        // Only what the host itself sends.
        rtnl_rule_set_iif(rule, "lo")
        if match.proto != 0 { rtnl_rule_set_ipproto(rule, match.proto) }
        if match.sourcePort != 0 { rtnl_rule_set_sport(rule, match.sourcePort) }
        // The kernel has no rules for port 0 and port 65535.
        if let ports = match.destinationPorts, ports != 0...65535 {
            rtnl_rule_set_dport_range(rule, max(ports.lowerBound, 1), min(ports.upperBound, 65534))
        }
        let status = isAddition ? request(adding: rule, NLM_F_CREATE | NLM_F_EXCL) : request(removing: rule)
        guard status >= 0 || status == (isAddition ? -NLE_EXIST : -NLE_OBJ_NOTFOUND) else { throw .netlink(what, status) }
    }

    /// Makes the rule of the table `local` anew where it stands before one of a director's of the same priority: a rule that
    /// is added stands behind those of its priority, and of equal rules the first is removed.
    func putLocalLast(_ family: IPFamily) throws(HostError) {
        let what = "ask the director's rules before the table local"
        var hasLocal = false, isBefore = false, isStrange = false
        try forEachRule(family) { rule, _ in
            guard rule.rule.priority == 0 else { return }
            if rule.isDirectors {
                isBefore = isBefore || hasLocal
            } else if rule.isLocals {
                hasLocal = true
            } else {
                isStrange = true
            }
        }
        guard isBefore else { return }
        guard !isStrange else { throw HostError(what, cause: "the host has other rules of priority 0") }
        guard let local = rtnl_rule_alloc() else { throw HostError(what, errno: ENOMEM) }
        defer { rtnl_rule_put(local) }
        rtnl_rule_set_family(local, family == .v4 ? AF_INET : AF_INET6)
        rtnl_rule_set_prio(local, 0)
        rtnl_rule_set_protocol(local, UInt8(RTPROT_KERNEL))
        rtnl_rule_set_action(local, UInt8(FR_ACT_TO_TBL))
        rtnl_rule_set_table(local, RouteTableID.local)
        var status = request(adding: local, NLM_F_CREATE)
        if status >= 0 { status = request(removing: local) }
        guard status >= 0 else { throw .netlink(what, status) }
    }

    /// Removes rules of directors whose device is gone.
    func removeLeftovers() throws(HostError) {
        var leftovers: [OpaquePointer] = []
        defer { for rule in leftovers { rtnl_rule_put(rule) } }
        for family in [IPFamily.v4, .v6] {
            try forEachRule(family) { rule, object in
                guard Self.isLeftover(rule) else { return }
                nl_object_get(object)
                leftovers.append(object)
            }
        }
        for rule in leftovers {
            let status = request(removing: rule)
            guard status >= 0 || status == -NLE_OBJ_NOTFOUND else { throw .netlink("remove a policy rule of a dead director", status) }
        }
    }

    private func forEachRule(_ family: IPFamily, _ body: (RuleEntry, OpaquePointer) -> Void) throws(HostError) {
        _ = try socket.dump(Int32(RTM_GETRULE), family: family == .v4 ? AF_INET : AF_INET6, "policy rules") { message in
            guard let rule = RuleEntry(message) else { return }
            _ = message.withObject { body(rule, $0) }
        }
    }

    private static func isLeftover(_ rule: RuleEntry) -> Bool {
        guard rule.isDirectors, case .lookup(let table) = rule.rule.action, table > OwnTrafficRouting.firstTable else { return false }
        var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
        return if_indextoname(table - OwnTrafficRouting.firstTable, &name) == nil
    }

    private func request(adding rule: OpaquePointer, _ flags: Int32) -> Int32 {
        var message: OpaquePointer?
        let status = rtnl_rule_build_add_request(rule, flags, &message)
        guard status >= 0, let message else { return status }
        return socket.carryOut(message)
    }

    private func request(removing rule: OpaquePointer) -> Int32 {
        var message: OpaquePointer?
        let status = rtnl_rule_build_delete_request(rule, 0, &message)
        guard status >= 0, let message else { return status }
        return socket.carryOut(message)
    }
}
