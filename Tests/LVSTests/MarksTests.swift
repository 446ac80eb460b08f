import LVS
import Testing
import Wire

private func ip(_ text: String) -> IPAddress { IPAddress(text) ?? IPAddress(high: 0, low: 0) }

private func packet(_ destination: String, _ proto: UInt8 = 6, _ port: UInt16 = 80, mark: UInt32 = 0) -> MarkQuery {
    MarkQuery(
        source: ip(destination.contains(":") ? "2001:db8::9" : "198.51.100.9"), destination: ip(destination), proto: proto,
        sourcePort: 40000, destinationPort: port, ingress: "eth0", mark: mark)
}

private func set(_ mark: UInt32) -> MarkTarget { .mark(clearing: UInt32.max, toggling: mark) }

private func chain(_ name: String, _ rules: MarkRule...) -> MarkRules.Chain { MarkRules.Chain(name: name, rules: rules) }

private func to(_ address: String, _ length: Int) -> MarkMatch {
    MarkMatch(.destination([MaskedAddress(ip(address), length: length)]))
}

struct MarksTests {
    @Test(
        arguments: [
            (
                "jump comes back",
                [
                    chain("PREROUTING", MarkRule(target: .jump(1)), MarkRule(target: .mark(clearing: 0, toggling: 1))),
                    chain("A", MarkRule(target: set(4))),
                ], 5
            ),
            (
                "return ends the called chain only",
                [
                    chain("PREROUTING", MarkRule(target: .jump(1)), MarkRule(target: .mark(clearing: 0, toggling: 1))),
                    chain("A", MarkRule(target: .return), MarkRule(target: set(4))),
                ], 1
            ),
            (
                "goto does not come back to its own chain",
                [
                    chain("PREROUTING", MarkRule(target: .jump(1)), MarkRule(target: .mark(clearing: 0, toggling: 1))),
                    chain("A", MarkRule(target: .goto(2)), MarkRule(target: set(64))),
                    chain("B", MarkRule(target: set(4))),
                ], 5
            ),
            (
                "accept ends everything",
                [
                    chain("PREROUTING", MarkRule(target: .jump(1)), MarkRule(target: .mark(clearing: 0, toggling: 1))),
                    chain("A", MarkRule(target: set(4)), MarkRule(target: .accept), MarkRule(target: set(8))),
                ], 4
            ),
            ("a rule without target only counts", [chain("PREROUTING", MarkRule(target: .none), MarkRule(target: set(2)))], 2),
            ("an empty table keeps the mark", [chain("PREROUTING")], 0),
        ] as [(String, [MarkRules.Chain], UInt32)])
    func walks(_ name: String, chains: [MarkRules.Chain], mark: UInt32) throws {
        let rules = try MarkRules(family: .v4, chains: chains)
        #expect(rules.mark(for: packet("192.0.2.1")) == mark, "\(name)")
    }

    @Test(arguments: [
        (MarkTarget.mark(clearing: 0xff, toggling: 0x0f), UInt32(0x1234), UInt32(0x120f)),
        (.mark(clearing: 0x0f, toggling: 0xf1), 0x1234, 0x12c1),
        (.mark(clearing: ~0x30, toggling: 0), 0x1234, 0x30),
        (.mark(clearing: 0x0f, toggling: 0x0f), 0x1230, 0x123f),
        (.mark(clearing: 0, toggling: 0xff), 0x1234, 0x12cb),
    ])
    func marking(target: MarkTarget, before: UInt32, after: UInt32) throws {
        let rules = try MarkRules(family: .v4, chains: [chain("PREROUTING", MarkRule(target: target))])
        #expect(rules.mark(for: packet("192.0.2.1", mark: before)) == after)
    }

    @Test func chainsThatCannotBeWalked() throws {
        let circle = [chain("PREROUTING", MarkRule(target: .jump(1))), chain("A", MarkRule(target: .goto(1), line: 7))]
        let loop = #expect(throws: MarkLoop.self) { try MarkRules(family: .v4, chains: circle) }
        #expect(loop == MarkLoop(rule: circle[1].rules[0], chain: "A", reason: .circle))

        let nowhere = [chain("PREROUTING", MarkRule(target: .jump(5), line: 3))]
        #expect(throws: MarkLoop(rule: nowhere[0].rules[0], chain: "", reason: .missing)) {
            try MarkRules(family: .v4, chains: nowhere)
        }

        func nested(_ levels: Int) -> [MarkRules.Chain] {
            (0..<levels).map { level in
                chain("L\(level)", MarkRule(target: level + 1 < levels ? .jump(level + 1) : set(9), line: level + 1))
            }
        }
        #expect(try MarkRules(family: .v4, chains: nested(64)).mark(for: packet("192.0.2.1")) == 9)
        let deep = #expect(throws: MarkLoop.self) { try MarkRules(family: .v4, chains: nested(100_000)) }
        #expect(deep?.reason == .depth)
        // A chain measured on a short way is still too deep on a longer one.
        let twice = nested(64) + [chain("X", MarkRule(target: .jump(0)))]
        #expect(throws: MarkLoop.self) { try MarkRules(family: .v4, chains: twice, roots: [0, 64]) }
    }

    @Test func rootsAreIndependentAndTheFamiliesApart() throws {
        let first = try MarkRules(
            family: .v4,
            chains: [
                chain("PREROUTING", MarkRule(target: .jump(1))), chain("A", MarkRule(target: set(1)), MarkRule(target: .accept)),
            ])
        let second = try MarkRules(
            family: .v4,
            chains: [
                chain("mark", MarkRule(target: .goto(1))), chain("B", MarkRule(target: .mark(clearing: 0, toggling: 0x10))),
            ])
        let six = try MarkRules(family: .v6, chains: [chain("PREROUTING", MarkRule(target: set(6)))])
        let both = MarkRules(joining: [first, six, second], family: .v4)
        #expect(both.mark(for: packet("192.0.2.1")) == 0x11)
        #expect(both.mark(for: packet("2001:db8::1")) == 0)
        #expect(six.mark(for: packet("2001:db8::1")) == 6)
        #expect(MarkRules(family: .v4).mark(for: packet("192.0.2.1", mark: 3)) == 3)
    }

    @Test func theRulesThatMadeAMark() throws {
        let rules = try MarkRules(
            family: .v4,
            chains: [
                chain(
                    "PREROUTING",
                    MarkRule(matches: [to("192.0.2.0", 24)], target: set(1), line: 3, text: "one"),
                    MarkRule(matches: [to("203.0.113.0", 24)], target: set(2), line: 4, text: "two"),
                    MarkRule(target: .mark(clearing: 0, toggling: 8), line: 5, text: "three"))
            ])
        let explained = rules.explainedMark(for: packet("192.0.2.7"))
        #expect(explained.mark == 9)
        #expect(explained.rules.map { "\($0.line): \($0.text)" } == ["3: one", "5: three"])
    }

    @Test func masksThatAreNoPrefix() {
        let odd = MaskedAddress(ip("10.0.0.5"), mask: ip("255.0.0.255"))
        #expect(odd.contains(ip("10.77.8.5")))
        #expect(!odd.contains(ip("10.0.0.6")))
        #expect(odd.prefixLength == 8)
        let six = MaskedAddress(ip("2001:db8::1"), mask: ip("ffff:ffff:ffff:ffff:ff00::ffff"))
        #expect(six.prefixLength == 72)
        #expect(six.contains(ip("2001:db8::11:2222:1")))
        #expect(MaskedAddress(ip("::"), length: 0).contains(ip("2001:db8::1")))
        #expect(!MaskedAddress(ip("0.0.0.0"), length: 0).contains(ip("2001:db8::1")))
    }

    private static let web = MarkMatch(.destinationPort([80...80, 8000...8099]))

    @Test(
        arguments: [
            (
                "address, protocol and ports along a jump",
                [
                    chain("PREROUTING", MarkRule(matches: [to("192.0.2.0", 24)], target: .jump(1))),
                    chain("A", MarkRule(matches: [MarkMatch(.proto([6])), web], target: set(1))),
                ], [MarkedDestination(prefix: ip("192.0.2.0"), length: 24, protos: [6], ports: [80...80, 8000...8099])]
            ),
            (
                "the narrower of two prefixes",
                [
                    chain("PREROUTING", MarkRule(matches: [to("192.0.2.0", 24)], target: .jump(1))),
                    chain(
                        "A", MarkRule(matches: [to("192.0.0.0", 16)], target: set(1)),
                        MarkRule(matches: [to("192.0.2.7", 32)], target: set(2)),
                        MarkRule(matches: [to("10.0.0.0", 8)], target: set(3))),
                ], [MarkedDestination(prefix: ip("192.0.2.0"), length: 24), MarkedDestination(prefix: ip("192.0.2.7"), length: 32)]
            ),
            (
                "what is negated does not narrow",
                [
                    chain(
                        "PREROUTING",
                        MarkRule(
                            matches: [MarkMatch(to("192.0.2.0", 24).condition, isNegated: true), MarkMatch(.local)],
                            target: set(1)))
                ], [MarkedDestination(prefix: ip("0.0.0.0"), length: 0, isLocalOnly: true)]
            ),
            (
                "protocols that exclude each other",
                [
                    chain("PREROUTING", MarkRule(matches: [MarkMatch(.proto([6]))], target: .jump(1))),
                    chain("A", MarkRule(matches: [MarkMatch(.proto([17]))], target: set(1))),
                ], []
            ),
            (
                "rules that mark nothing",
                [
                    chain("PREROUTING", MarkRule(target: .accept), MarkRule(target: .mark(clearing: 0, toggling: 0)))
                ], []
            ),
        ] as [(String, [MarkRules.Chain], [MarkedDestination])])
    func destinations(_ name: String, chains: [MarkRules.Chain], expected: [MarkedDestination]) throws {
        #expect(try MarkRules(family: .v4, chains: chains).destinations(of: Set(1...99)) == expected, "\(name)")
    }

    /// Thirty levels with two ways each are a thousand million paths: the answer is everything, at once.
    @Test func destinationsOfTooManyPaths() throws {
        let chains = (0..<31).map { level in
            level < 30
                ? chain("L\(level)", MarkRule(target: .jump(level + 1)), MarkRule(target: .jump(level + 1)))
                : chain("L30", MarkRule(matches: [to("192.0.2.1", 32)], target: set(1)))
        }
        let rules = try MarkRules(family: .v4, chains: chains)
        #expect(rules.destinations(of: [1]) == [MarkedDestination(prefix: ip("0.0.0.0"), length: 0)])
    }
}
