import Foundation
import Linux
import Testing

/// What is left to a process that has given up its rights, as a director does. The process is `rights-probe`.
@Suite(.enabled(if: isRoot, "giving up root's rights needs them")) struct RightsTests {
    @Test func aDirectorThatIsTakenOverGetsNothing() throws {
        let probe = try ProbeRun.onAWire([])
        #expect(probe.status == 0, "\(probe.complaints)")
        let attempts = probe.values("attempt")
        #expect(attempts.count >= 50)
        for (name, errno) in attempts where errno != "\(EPERM)" && !(name == "read_shadow" && errno == "\(EACCES)") {
            Issue.record("\(name): errno \(errno)")
        }
        // Each refused call once, however often it was tried, by number and name.
        let refused = probe.complaints.filter { $0.hasPrefix("svs: refused: system call ") }
        #expect(refused == probe.complaints)
        #expect(Set(refused).count == refused.count)
        for name in [
            "socket", "connect", "bind", "setsockopt", "openat", "execve", "ptrace", "kill", "mount", "unshare", "setuid", "clone",
        ] {
            #expect(refused.contains { $0.hasSuffix(" (\(name))") }, "\(name)")
        }
        #expect(refused.contains("svs: refused: system call 100000"))
    }

    @Test func whatADirectorNeedsWorks() throws {
        let needs = try ProbeRun.onAWire([]).values("need")
        #expect(needs.count >= 11)
        for (name, works) in needs where works != "true" { Issue.record("\(name)") }
    }

    @Test func theKernelSaysSo() throws {
        let probe = try ProbeRun.onAWire(["nobody"])
        let user = try Rights.user(named: "nobody")
        #expect(probe.lines.first == "user nobody")
        #expect(probe.status("Uid") == [String](repeating: "\(user.id)", count: 4))
        #expect(probe.status("Gid") == [String](repeating: "\(user.group)", count: 4))
        #expect(probe.status("Groups") == [])
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] { #expect(probe.status(set) == ["0000000000000000"], "\(set)") }
        #expect(probe.status("NoNewPrivs") == ["1"])
        #expect(probe.status("Seccomp") == ["2"])
    }

    @Test func withoutTheUsualUserItIsNobody() throws {
        let user = try Rights.user(named: nil)
        #expect(user.isSubstitute == (getpwnam(Rights.usualUser) == nil))
        #expect(user.name == (user.isSubstitute ? "nobody" : Rights.usualUser))
    }

    @Test func aUserMustBeThereAndNotRoot() {
        #expect(throws: RightsError.noSuchUser("no-such-user")) { try Rights.user(named: "no-such-user") }
        #expect(throws: RightsError.allPowerful("root")) { try Rights.user(named: "root") }
        #expect("\(RightsError.noSuchUser("x"))" == "user x does not exist")
    }

    /// This process has threads, and the probe's second one no rights.
    @Test func whatCannotBeDoneIsSaid() throws {
        let nobody = try Rights.user(named: "nobody")
        do throws(RightsError) {
            try Rights.giveUp(becoming: nobody, parent: getppid())
            Issue.record("gave up the rights of the tests")
        } catch {
            guard case .hasThreads(let count) = error, count > 1 else { Issue.record("\(error)"); return }
        }
        let twice = try ProbeRun(["twice"])
        #expect(twice.status == 2)
        #expect(
            twice.complaints == [
                "cannot become user nobody: missing capability: CAP_SETGID and CAP_SETUID and CAP_SETPCAP (start it as root)"
            ])
    }

    @Test func itMustBeAChildOfItsKeeper() throws {
        let orphan = try ProbeRun(["wait", "1"])
        #expect(orphan.status == 2)
        #expect(orphan.complaints == ["process 1, which started this one, has ended"])
    }

    @Test func itEndsWithItsKeeper() throws {
        let output = Pipe(), keeper = Process()
        keeper.executableURL = URL(filePath: "/bin/sh")
        // The shell stays, with the probe as its child.
        keeper.arguments = ["-c", "\"$0\" wait $$; :", try ProbeRun.program()]
        keeper.standardOutput = output
        try keeper.run()
        let reader = output.fileHandleForReading
        #expect(try reader.read(upToCount: 6) == Data("ready\n".utf8))
        kill(keeper.processIdentifier, SIGKILL)
        keeper.waitUntilExit()
        // The end of the pipe comes when the last that could write to it has ended.
        #expect(try reader.readToEnd() == nil)
    }

    @Test func aCrashEndsItByItsOwnSignal() throws {
        let probe = try ProbeRun(["crash"])
        #expect(probe.status == SIGILL || probe.status == SIGTRAP, "status \(probe.status)")
        #expect(!probe.complaints.contains { $0.contains("refused") }, "\(probe.complaints)")
    }
}
