import Admin
import LVS
import Replay
import Wire

/// Names of nothing.
struct NoNames: NameResolver {
    func address(ofHost name: String) -> IPAddress? { nil }
    func port(ofService name: String, proto: UInt8) -> UInt16? { nil }
    func hostName(of address: IPAddress) -> String? { nil }
    func serviceName(ofPort port: UInt16, proto: UInt8) -> String? { nil }
}

private func text(_ input: [UInt8]) -> String { String(decoding: input, as: UTF8.self) }

/// ipvsadm's arguments, one a line.
final class GrammarTarget: FuzzTarget {
    static var name: String { "grammar" }
    init() {}
    func run(_ input: [UInt8]) {
        let words = text(input).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard let request = try? Grammar.parse(words, names: NoNames()), case .change(let command) = request else { return }
        // The grammar takes a name with a blank in it, as ipvsadm's does; no director does, so no line has to say it.
        guard words.allSatisfy({ word in word.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value < 0x7f } }) else { return }
        roundTrip(command)
    }
}

/// A command written as a line reads as the same command.
private func roundTrip(_ command: Command) {
    guard let line = SaveFormat.line(for: command) else { return }
    guard let again = try? ServicesFile(line, name: "again", names: NoNames()) else { preconditionFailure("not read again: \(line)") }
    guard let read = again.commands.first else { preconditionFailure("nothing read: \(line)") }
    require(SaveFormat.line(for: read) == line, "\(line) reads as \(SaveFormat.line(for: read) ?? "nothing")")
}

/// A services file.
final class ServicesTarget: FuzzTarget {
    static var name: String { "services" }
    init() {}
    func run(_ input: [UInt8]) {
        let text = text(input)
        _ = try? EditsFile(text, name: "edits", names: NoNames())
        guard let file = try? ServicesFile(text, name: "services", names: NoNames()) else { return }
        file.commands.forEach(roundTrip)
        _ = try? ServicePlan(file).changes(from: ServicePlan())
    }
}

/// Rules of iptables-save or nft -j.
final class MarksTarget: FuzzTarget {
    static var name: String { "marks" }
    init() {}
    func run(_ input: [UInt8]) {
        let text = text(input)
        for family in [IPFamily.v4, .v6] { _ = try? MarksFile(text, file: "marks", family: family) }
        guard let rules = try? HostRules(text, file: "rules") else { return }
        _ = rules.unclear(for: [ServiceKey(proto: 6, address: IPAddress(v4: 0xcb00_710a), port: 80), ServiceKey(mark: 1, family: .v4)])
    }
}

/// A file of switches.
final class SysctlTarget: FuzzTarget {
    static var name: String { "sysctl" }
    init() {}
    func run(_ input: [UInt8]) { _ = try? SysctlFile(text(input), file: "sysctl") }
}

/// A file of ip -batch; what it says can be said again.
final class NetworkTarget: FuzzTarget {
    static var name: String { "network" }
    init() {}
    func run(_ input: [UInt8]) {
        guard let network = (try? NetworkFile(text(input), file: "network"))?.network else { return }
        let said = NetworkFile.text(of: network)
        do {
            let again = NetworkFile.text(of: try NetworkFile(said, file: "again").network)
            require(again == said, "\(said)\nreads as\n\(again)")
        } catch { preconditionFailure("\(error)\n\(said)") }
    }
}

/// The file `connections` of a case, put into a director.
final class ConnectionsTarget: FuzzTarget {
    static var name: String { "connections" }
    init() {}
    func run(_ input: [UInt8]) {
        guard let file = try? SnapshotFile(text(input), file: "connections") else { return }
        var director = Director(connections: 64, at: file.hasClock ? file.snapshot.clock : second)
        for line in Self.services { for command in line { try? director.apply(command) } }
        guard (try? file.load(into: &director)) != nil else { return }
        _ = director.connectionRecords()
        director.advance(to: director.now + 3600 * second, limit: .max)
    }

    private static let services: [[Command]] = {
        let text = """
            -A -t 192.0.2.1:80 -s wrr -p 300
            -a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 2
            -a -t 192.0.2.1:80 -r 10.0.0.3:80 -m
            -A -u 203.0.113.10:53 -s rr
            -a -u 203.0.113.10:53 -r 10.2.0.11:53 -m
            """
        return [(try? ServicesFile(text, name: "services", names: NoNames()))?.commands ?? []]
    }()
}

/// Packets in words, and how a case is run.
final class WordsTarget: FuzzTarget {
    static var name: String { "words" }
    init() {}
    func run(_ input: [UInt8]) {
        let text = text(input)
        _ = try? RunFile(text, file: "run")
        _ = try? PacketScript(text, file: "packets")
    }
}
