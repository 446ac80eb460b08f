import Admin
import CLinux
import Glibc
import LVS
import Linux
import SystemPackage
import Testing
import Wire

@testable import Runtime

@Suite struct ReloadTests {
    private func file(_ lines: String...) throws -> String {
        let path = "/tmp/svs-reload-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        try FileWriter.write(lines.map { $0 + "\n" }.joined().utf8, to: FilePath(path))
        return path
    }

    private func wait(_ reload: Reload<RunFiles.State>) {
        var watch = pollfd(fd: reload.descriptor, events: Int16(POLLIN), revents: 0)
        _ = poll(&watch, 1, 10_000)
    }

    /// What the director says in the host's place has the host's own values, where no file says otherwise.
    @Test(.enabled(if: geteuid() == 0, "namespaces need root")) func theHostsSwitchesAreTaken() throws {
        let outside = svs_enter_new_network()
        try #require(outside >= 0)
        defer { svs_enter_network(outside) }
        try FileWriter.overwrite("/proc/sys/net/ipv4/ip_default_ttl", with: "77".utf8)
        #expect(try RunFiles().read().tunables.defaultTTL == 77)
        let path = try file("net.ipv4.ip_default_ttl = 78")
        defer { unlink(path) }
        #expect(try RunFiles(sysctl: path).read().tunables.defaultTTL == 78)
    }

    @Test func filesAreReadElsewhere() throws {
        let path = try file("-A -t 192.0.2.1:80 -s rr")
        defer { unlink(path) }
        let reload = try Reload(RunFiles(services: path), since: PlanInForce())
        #expect(try reload.finish() == nil && !reload.isUnderWay)
        try reload.begin()
        #expect(reload.isUnderWay)
        wait(reload)
        let state = try #require(try reload.finish()).get()
        #expect(state.plan.services.count == 1 && !reload.isUnderWay)
    }

    /// What the journal is to have of files that say the same is the same memory: comparing it costs the engine's thread nothing.
    @Test func piecesThatSayTheSameAreTheSame() throws {
        let path = try file("-A -t 192.0.2.1:80 -s rr")
        defer { unlink(path) }
        let plan = PlanInForce()
        func read() throws -> RunFiles.State {
            var state = try RunFiles(services: path).read()
            plan.compare(&state)
            return state
        }
        func places(_ state: RunFiles.State) -> [UnsafeRawPointer?] {
            (state.pieces ?? []).map { $0.bytes.withUnsafeBytes { $0.baseAddress } }
        }
        let first = try read()
        plan.put(first)
        let second = try read()
        #expect(!places(first).isEmpty && places(first) == places(second) && first.pieces == second.pieces)
        try FileWriter.write("-A -t 192.0.2.1:81 -s rr\n".utf8, to: FilePath(path))
        let third = try read()
        #expect(third.pieces != first.pieces)
    }

    /// Who asks while files are being read gets what they say after that.
    @Test func askedAgainItReadsAgain() throws {
        let path = try file("-A -t 192.0.2.1:80 -s rr")
        defer { unlink(path) }
        let reload = try Reload(RunFiles(services: path), since: PlanInForce())
        try reload.begin()
        try reload.begin()
        wait(reload)
        #expect(try reload.finish() == nil && reload.isUnderWay)
        wait(reload)
        #expect(try reload.finish() != nil && !reload.isUnderWay)
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let line: String
        let words: String
        init(_ name: String, _ line: String, _ words: String) { (testDescription, self.line, self.words) = (name, line, words) }
    }

    /// What a director would refuse is found while reading, with its line.
    @Test(arguments: [
        Bad("an unknown scheduler", "-A -t 192.0.2.1:81 -s nosuch", "Scheduler or persistence engine not found"),
        Bad("the same service twice", "-A -t 192.0.2.1:80 -s rr", "Service already exists"),
        Bad("a server of no service", "-a -t 192.0.2.9:80 -r 10.0.0.1:80 -g", "No such service"),
    ])
    func aBrokenFileIsRefused(_ row: Bad) throws {
        let path = try file("-A -t 192.0.2.1:80 -s rr", row.line)
        defer { unlink(path) }
        let error = try #require(throws: FileError.self) { try RunFiles(services: path).read() }
        #expect(error.file == path && error.line == 2 && !error.text.isEmpty)
    }

    @Test func aFileThatIsNotThereIsNamed() throws {
        let error = try #require(throws: FileError.self) { try RunFiles(sysctl: "/nowhere/sysctl").read() }
        #expect(error.description == "/nowhere/sysctl: No such file or directory")
        let folder = try #require(throws: FileError.self) { try RunFiles(services: "/tmp").read() }
        #expect(folder.description == "/tmp: is a directory, not a regular file")
    }

    @Test func allThatIsWrongIsToldAtOnce() throws {
        // The last server may be of the service that the third line would have added.
        let services = try file(
            "-A -t 192.0.2.1:80 -s rr", "hello", "-A -t nowhere", "-A -t 192.0.2.1:80 -s rr", "-A -t 192.0.2.1:81 -s nosuch",
            "-a -t 192.0.2.9:80 -r 10.0.0.1:80 -g")
        let sysctl = try file("nonsense", "vs.nosuch = 1")
        defer { unlink(services); unlink(sysctl) }
        let error = try #require(throws: FileError.self) { try RunFiles(services: services, sysctl: sysctl).read() }
        let places = ([error] + error.others).map { "\($0.file):\($0.line)" }
        #expect(places == (2...5).map { "\(services):\($0)" } + ["\(sysctl):1", "\(sysctl):2"])
        #expect(error.description.split(separator: "\n").count == 6)
    }

    @Test func whatHasNoEffectIsWarnedOf() throws {
        let services = try file(
            "-A -t 192.0.2.1:80 -s rr", "-a -t 192.0.2.1:80 -r 10.0.0.11:80 --fullnat", "-A -f 7 -s rr", "-A -f 8 -s rr")
        let sysctl = try file("net.ipv4.vs.conntrack = 1")
        defer { unlink(services); unlink(sysctl) }
        let files = RunFiles(services: services, sysctl: sysctl)
        #expect(
            try files.read().warnings(files) == [
                "warning: service FWM 7 and 1 other: nothing marks packets, so none comes; see --marks and --marks-from-host",
                "warning: service TCP 192.0.2.1:80: FULLNAT to 10.0.0.11:80 has no local addresses, so no connection opens",
                "warning: net.ipv4.vs.conntrack = 1 has no effect: netfilter does not see what the director forwards",
            ])
    }

    @Test func aReloadNamesMarksAndSwitches() throws {
        let marks = try file("-A PREROUTING -p tcp -m tcp --dport 80 -j MARK --set-mark 7"), sysctl = try file("vs.conn_reuse_mode = 0")
        defer { unlink(marks); unlink(sysctl) }
        let before = try RunFiles().read(), after = try RunFiles(marks: marks, sysctl: sysctl).read()
        #expect(
            after.summary(since: before, commands: 1)
                == "files read again: 3 changes: 1 command, marks (1 rule), net.ipv4.vs.conn_reuse_mode = 0")
        #expect(after.summary(since: after, commands: 0) == "files read again: 0 changes")
    }

    /// Only what differs between two readings is applied.
    @Test func differencesAreApplied() throws {
        let first = try file("-A -t 192.0.2.1:80 -s rr", "-a -t 192.0.2.1:80 -r 10.0.0.11:80 -g -w 1", "--set 600 60 60")
        let second = try file("-A -t 192.0.2.1:80 -s wrr", "-A -t 192.0.2.1:81 -s rr", "--set 600 60 60")
        defer { unlink(first); unlink(second) }
        var engine = ControlledDirector(Director(connections: 16))
        let before = try RunFiles(services: first).read(), after = try RunFiles(services: second).read()
        var refused: [CommandError] = []
        let added = before.apply(to: &engine, since: RunFiles.State()) { refused.append($1) }
        let changed = after.apply(to: &engine, since: before) { refused.append($1) }
        #expect(added == 3 && changed == 3 && refused.isEmpty)
        #expect(engine.inventory().services.map(\.settings.scheduler).sorted() == ["rr", "wrr"])
        // What somebody has removed meanwhile is no reason to give up on the rest.
        try engine.apply(.deleteService(ServiceKey(proto: IPProtocol.tcp, address: ip("192.0.2.1"), port: 81)))
        _ = before.apply(to: &engine, since: after) { refused.append($1) }
        #expect(refused == [.noSuchService] && engine.inventory().services.count == 1)
    }
}
