import Glibc
import Host
import LVS
import Testing
import Wire

/// The law of policy routing: whatever rules, tables and addresses a host has, a packet goes where `ip route get` says, and
/// has no way for the reason that it says.
///
/// 40 random hosts; `SVS_ROUTE_SETS=1000 swift test --filter RouteLawTests` tries that many, `SVS_ROUTE_SEED=N` begins at
/// another one.
@Suite(.enabled(if: isRoot))
struct RouteLawTests {
    private static func number(_ name: String, _ usual: Int) -> Int { getenv(name).flatMap { Int(String(cString: $0)) } ?? usual }

    @Test func routesAreTheKernels() throws {
        let first = Self.number("SVS_ROUTE_SEED", 1)
        var asked = 0
        for seed in first..<first + Self.number("SVS_ROUTE_SETS", 40) {
            var host = RandomHost(seed: UInt64(seed))
            try inNamespace {
                let commands4 = host.commands(.v4), commands6 = host.commands(.v6)
                try shell(RandomHost.links)
                // What the kernel refuses is part of the game.
                for (family, commands) in [("-4", commands4), ("-6", commands6)] {
                    _ = try output(of: "printf '%s\\n' '\(commands.joined(separator: "' '"))' | ip \(family) -force -batch - 2>/dev/null")
                }
                var network = LVS.Network()
                let follower = try HostNetwork()
                // The kernel makes the local routes of IPv6 addresses a moment after the addresses.
                let isWhole = try wait(seconds: 2) {
                    try follower.update(&network)
                    return RandomHost.own6.allSatisfy { own in network.routes.contains { $0.kind == .local && "\($0.prefix)" == own } }
                }
                try #require(isWhole)
                let questions = host.questions()
                let answers = try Self.answers(to: questions.map(\.words))
                asked += questions.count
                for (question, answer) in zip(questions, answers) {
                    let own = question.expectation(network)
                    if !own.allows(answer) {
                        let made = (question.isV4 ? commands4 : commands6).joined(separator: "\n")
                        Issue.record("seed \(seed): ip route get \(question.words): \(answer), here \(own)\n\(made)")
                        return
                    }
                }
            }
        }
        #expect(asked > 0)
    }

    /// What `ip route get` prints for each question, a failure as the words of its error.
    private static func answers(to questions: [String]) throws -> [String] {
        let lines = questions.map { "route get \($0)" }.joined(separator: "\n")
        // Errors are written past the buffer of what is right: the two must not mix.
        return try parse(
            output(of: "e=$(mktemp); printf '%s\n' '\(lines)' | ip -o -force -batch - 2>$e; cat $e; rm -f $e"), count: questions.count)
    }

    private static func parse(_ text: String, count: Int) throws -> [String] {
        var answers: [String] = [], failed: [Int: String] = [:], successes: [String] = [], error = ""
        for line in text.split(separator: "\n") {
            if line.hasPrefix("RTNETLINK answers: ") {
                error = String(line.dropFirst(19))
            } else if line.hasPrefix("Command failed -:") {
                failed[try #require(Int(line.dropFirst(17)))] = error
            } else if line.contains(" dev ") {
                successes.append(String(line))
            }
        }
        try #require(failed.count + successes.count == count, "\(text)")
        for place in 1...count { answers.append(failed[place] ?? successes.removeFirst()) }
        return answers
    }
}
