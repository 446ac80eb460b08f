import Admin
import CLinux
import Glibc
import LVS
import Linux
import SystemPackage
import Testing
import Wire

@testable import Runtime

/// What `svs check` finds without anything running.
@Suite struct RunCheckTests {
    private func file(_ lines: String...) throws -> String {
        let path = "/tmp/svs-check-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        try FileWriter.write(lines.map { $0 + "\n" }.joined().utf8, to: FilePath(path))
        return path
    }

    /// Every line that is wrong is told once, by its word, with what may have been meant.
    @Test func everyErrorHasItsLineItsWordAndAHint() throws {
        let services = try file(
            "-A -t 192.0.2.1:80 -s wrrr", "-A -t 192.0.2.2:80 --schedular rr", "-A -t 192.0.2.3:80 -s rr", "-A -t 192.0.2.3:80 -s rr",
            "-a -t 192.0.2.3:81 -r 10.0.0.1:80 -g", "-A -t 192.0.2.4:80 -s quick", "-a -t 192.0.2.4:80 -r 10.0.0.1 -g")
        let sysctl = try file("net.ipv4.vs.sloppy_tpc = 1", "vs.drop_entry = 9")
        defer { unlink(services); unlink(sysctl) }
        let check = RunCheck(RunFiles(services: services, sysctl: sysctl), interfaces: ["nosuch0", "lo"], ownership: .none)
        #expect(
            check.errors == [
                "interface nosuch0 does not exist", "interface lo: nothing for a director arrives at the loopback",
                "\(services):1: there is no scheduler wrrr; did you mean wrr?",
                "\(services):2: --schedular: unknown option; did you mean --scheduler?",
                "\(services):4: the service exists already: TCP 192.0.2.3:80 stands in line 3",
                "\(services):6: there is no scheduler quick; there are "
                    + (Schedulers.roster.map { $0.name } + [Schedulers.none]).joined(separator: ", "),
                "\(sysctl):1: unknown key net.ipv4.vs.sloppy_tpc; did you mean net.ipv4.vs.sloppy_tcp?",
                "\(sysctl):2: vs.drop_entry: 9: expected 0 to 3",
            ])
        #expect(check.summary.isEmpty)
    }

    /// Where every line is a rule, a missing service is an error, and the one that may be meant is named.
    @Test(arguments: [
        ("-a -t 192.0.2.1:81 -r 10.0.0.1:81 -g", "no such service: TCP 192.0.2.1:81; line 1 adds TCP 192.0.2.1:80"),
        ("-a -t 192.0.2.9:80 -r 10.0.0.1:80 -g", "no such service: TCP 192.0.2.9:80; a line -A has to stand before"),
        ("-a -f 7 -r 10.0.0.1 -g", "no such service: FWM 7; a line -A has to stand before"),
        ("-d -t 192.0.2.1:80 -r 10.0.0.1:80", "the service has no such server: 10.0.0.1:80 of TCP 192.0.2.1:80"),
        ("-A -t 192.0.2.2:80 -s rr --pe sips -p 60", "there is no persistence engine sips"),
    ])
    func aMissingServiceIsNamed(line: String, words: String) throws {
        let services = try file("-A -t 192.0.2.1:80 -s rr", line)
        defer { unlink(services) }
        #expect(RunCheck(RunFiles(services: services), interfaces: [], ownership: .none).errors == ["\(services):2: \(words)"])
    }

    /// More errors than a log shows at once.
    @Test func noErrorIsLeftOut() throws {
        let services = try file((1...50).map { "-A -t 192.0.2.1:80 -s none\($0)" }.joined(separator: "\n"))
        defer { unlink(services) }
        #expect(RunCheck(RunFiles(services: services), interfaces: [], ownership: .none).errors.count == 50)
    }

    @Test func whatWaitsAndWhatHasNoEffectIsWarnedOf() throws {
        let services = try file("-A -t 203.0.113.77:80 -s rr"), empty = try file("# nothing")
        let sysctl = try file("net.ipv4.vs.debug_level = 3", "net.ipv4.vs.ignore_tunneled = 1", "kernel.panic = 1")
        defer { unlink(services); unlink(empty); unlink(sysctl) }
        let check = RunCheck(RunFiles(services: services, sysctl: sysctl), interfaces: [], ownership: .none)
        #expect(check.errors.isEmpty && check.summary == "1 service, 0 servers")
        #expect(
            check.warnings == [
                "warning: net.ipv4.vs.debug_level = 3 has no effect: svs explain tells what becomes of a packet",
                "warning: net.ipv4.vs.ignore_tunneled = 1 has no effect: what the host takes out of a tunnel does not come to the director",
                "note: \(sysctl): kernel.panic is of no use to the director",
                "warning: virtual address 203.0.113.77: not on this host and not to be owned, so its packets are not directed; "
                    + "ip address add 203.0.113.77/32 dev INTERFACE, or --own",
            ])
        #expect(RunCheck(RunFiles(services: services), interfaces: [], ownership: .all).warnings.isEmpty)
        #expect(RunCheck(RunFiles(services: empty), interfaces: [], ownership: .all).warnings == ["warning: \(empty) holds no service"])
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let servers: [String]
        let lines: [String]
        init(_ name: String, _ servers: [String], _ lines: [String] = []) {
            (testDescription, self.servers, self.lines) = (name, servers, lines)
        }
    }

    /// The host of the tests has a router at 192.0.2.253 and does not forward.
    @Test(arguments: [
        Row("direct routing on the wire", ["10.0.0.11:80 -g"]),
        Row(
            "direct routing past a router", ["198.51.100.1:80 -g", "198.51.100.2:80 -g"],
            [
                "warning: server 198.51.100.2:80 by 192.0.2.253 of service TCP 192.0.2.1:80 and 1 other: direct routing reaches only "
                    + "what is on a wire of the director, and the way there leads past a router; tunnelling (-i) or NAT (-m) for it"
            ]),
        Row("a tunnel past a router", ["198.51.100.1:80 -i"]),
        Row(
            "NAT without forwarding", ["10.0.0.11:80 -m"],
            [
                "warning: server 10.0.0.11:80 of service TCP 192.0.2.1:80: NAT while net.ipv4.ip_forward is 0: no answer passes; "
                    + "sysctl -w net.ipv4.ip_forward=1"
            ]),
        Row("the host itself", ["192.0.2.254:80 -m"]),
    ])
    func whatTheHostPreventsIsWarnedOf(_ row: Row) throws {
        var director = Director(connections: 16, hostEmulation: HostEmulation(isWholeHost: false, ownership: .all))
        var network = FakeHost.network
        network.forwards4 = false
        director.network = network
        for words in ["-A -t 192.0.2.1:80 -s rr"] + row.servers.map({ "-a -t 192.0.2.1:80 -r \($0)" }) {
            for command in try ServicesFile.commands(in: words, file: "services") { try director.apply(command) }
        }
        #expect(HostWarnings.lines(director) == row.lines)
    }

    @Test func aServerWithoutAWayIsWarnedOf() throws {
        var director = Director(connections: 16)
        director.network.routes = []
        for command in try ServicesFile.commands(in: "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.9.9.9:80 -g", file: "s") {
            try director.apply(command)
        }
        #expect(HostWarnings.lines(director) == ["warning: server 10.9.9.9:80 of service TCP 192.0.2.1:80: no route leads there"])
    }
}
