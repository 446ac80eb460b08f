import Admin
import LVS
import Wire

extension RunFiles.State {
    /// What in the files is understood and yet cannot do what it seems to say, a line each.
    /// - Parameter present: services that the director has before these files are applied.
    func warnings(_ files: RunFiles, replacing present: Int = 0) -> [String] {
        var lines: [String] = []
        if let file = files.services, plan.services.isEmpty {
            let table = present > 0 ? ": of the \(counted(present, "service")) in the table those from its last reading go" : ""
            lines.append("\(file) holds no service\(table)")
        }
        for (rules, family, option) in [(marks4, IPFamily.v4, "--marks"), (marks6, .v6, "--marks6")]
        where rules.count == 0 && !self.rules.givesMarks {
            let waiting = plan.services.map(\.key).filter { $0.mark != 0 && $0.family == family }
            guard let first = waiting.first else { continue }
            let others = waiting.count > 1 ? " and \(counted(waiting.count - 1, "other"))" : ""
            lines.append("service \(first)\(others): nothing marks packets, so none comes; see \(option) and --marks-from-host")
        }
        for service in plan.services where service.settings.localAddresses.isEmpty {
            guard let server = service.servers.first(where: { $0.settings.method == .fullNAT }) else { continue }
            lines.append(
                "service \(service.key): FULLNAT to \(server.key) has no local addresses, so no connection opens")
        }
        for (name, reason) in Self.withoutEffect {
            guard let value = tunables.value(of: name), value != "0" else { continue }
            lines.append("\(name) = \(value) has no effect: \(reason)")
        }
        return lines.map { "warning: \($0)" }
    }

    /// Switches that are taken and do nothing, and why.
    private static let withoutEffect = [
        ("net.ipv4.vs.conntrack", "netfilter does not see what the director forwards"),
        ("net.ipv4.vs.debug_level", "svs explain tells what becomes of a packet"),
        ("net.ipv4.vs.ignore_tunneled", "what the host takes out of a tunnel does not come to the director"),
    ]

    /// The line that says what reading the files again has changed: how much, and of marks and switches also what.
    /// - Parameter commands: those that were needed for services and timeouts.
    func summary(since old: RunFiles.State, commands: Int) -> String {
        var news: [String] = []
        if marks4 != old.marks4 { news.append("marks (\(counted(marks4.count, "rule")))") }
        if marks6 != old.marks6 { news.append("marks6 (\(counted(marks6.count, "rule")))") }
        if rules.host?.rules4 != old.rules.host?.rules4 || rules.host?.rules6 != old.rules.host?.rules6 { news.append("the host's rules") }
        for name in Tunables.names where tunables.value(of: name) != old.tunables.value(of: name) {
            news.append("\(name) = \((tunables.value(of: name) ?? "").split(separator: "\t").joined(separator: " "))")
        }
        let head = "files read again: \(counted(commands + news.count, "change"))"
        guard !news.isEmpty else { return head }
        return head + ": " + ((commands > 0 ? [counted(commands, "command")] : []) + news).joined(separator: ", ")
    }
}

extension MarkRules {
    /// Rules in all chains.
    fileprivate var count: Int { chains.reduce(0) { $0 + $1.rules.count } }
}
