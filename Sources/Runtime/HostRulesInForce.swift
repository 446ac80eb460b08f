import Admin
import LVS

/// The host's own netfilter rules, and what a director takes them for.
struct HostRulesInForce {
    var host: HostRules?
    /// They give packets their marks (`--marks-from-host`).
    var givesMarks = false
    /// What they drop is dropped (`--firewall honour`).
    var honours = false

    func set(in director: inout Director) { host?.apply(to: &director, marks: givesMarks, honours: honours) }

    /// What the log says of them: commands that gave no answer.
    var failures: [String] { host?.failures.map { "firewall: \($0.description): its rules are passed over" } ?? [] }

    /// Rules that could concern a packet of a service and are passed over, because nobody here understands them.
    static func notHonoured(_ rules: [MarkRules], by services: [ServiceKey]) -> [String] {
        rules.flatMap { rules in
            rules.unclear(for: rules.taken(by: services)).map { "not honoured: \($0.place.text): \($0.words)" }
        }
    }
}

extension Director {
    /// The same of this director.
    borrowing func rulesNotHonoured() -> [String] {
        HostRulesInForce.notHonoured([marks4, marks6, firewall4, firewall6], by: serviceKeys)
    }
}
