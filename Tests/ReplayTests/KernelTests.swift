import Admin
import Foundation
import PacketKit
import Replay
import Testing
import Wire

/// `verify --against kernel`, with a script in the kernel's place that says what it is told to say.
@Suite(.serialized) struct KernelTests {
    /// A case, and a script that copies the files of its folder `says` to where a kernel's results are expected.
    private static func sample(
        _ files: [String: String] = [:], services: String = CaseFolder.services, network: String = oneLink,
        says: [[UInt8]] = [forwarded(.syn), forwarded(.ack)], causes: [UInt32] = [0, 1, 1]
    ) throws -> CaseFolder {
        let folder = try CaseFolder(frames: [Arriving.tcp(.syn), Arriving.tcp(.ack)], services: services)
        try folder.write(network, to: "network")
        for (name, text) in files { try folder.write(text, to: name) }
        try FileManager.default.createDirectory(atPath: folder.path + "/.says", withIntermediateDirectories: true)
        try folder.write(says, to: ".says/out.pcap", causes: causes)
        // What svs lists is what the kernel lists, unless a test says otherwise.
        var replay = try Replayer(CaseFiles(folder: folder.path))
        while try replay.step({ _ in }) != nil {}
        for (name, text) in ListingsFolder.texts(&replay) {
            try folder.write(text, to: ".says/" + (name == "connections.txt" ? "conns-sorted.txt" : name))
        }
        try folder.write("READY\nINJECTED\nDONE\n", to: ".says/guest.log")
        let script = "#!/bin/sh\necho \"$*\" > \(folder.path)/.told\nmkdir -p \"$3\" && cp \(folder.path)/.says/* \"$3\"\n"
        try folder.write(script, to: ".oracle")
        chmod(folder.path + "/.oracle", 0o755)
        return folder
    }

    private static let oneLink = """
        link set dev eth0 address 02:00:00:00:00:01 mtu 1500
        link set dev lo up
        link set dev eth0 up
        addr add 172.31.255.1/24 dev eth0
        addr add 192.0.2.1/32 dev lo
        route add 10.0.0.2/32 dev eth0
        neigh replace 10.0.0.2 lladdr 02:00:00:00:00:22 dev eth0 nud permanent

        """

    private static func forwarded(_ flags: TCPFlags, ttl: UInt8 = 63) -> [UInt8] {
        Packet.tcp(from: Endpoint(IPAddress("198.51.100.7")!, 5555), to: "192.0.2.1:80", flags: flags, ttl: ttl, id: 7)
            .ethernet(from: "02:00:00:00:00:01", to: "02:00:00:00:00:22")
    }

    private static func judged(_ folder: CaseFolder) throws -> CaseResult {
        var verifier = CaseVerifier()
        verifier.kernel = try KernelRunner(script: folder.path + "/.oracle", kernel: "/bin/true")
        return verifier.verify(folder.path)
    }

    @Test func agreementNeedsNoExpectations() throws {
        let folder = try Self.sample(["sysctl": "net.ipv4.vs.sloppy_tcp = 1\n", "opts": "--linger 500\n"])
        let result = try Self.judged(folder)
        #expect(result.outcome == .passed)
        #expect(result.findings == [])
        let told = folder.text(".told")
        #expect(told.contains("--kernel /bin/true --network \(folder.path)/network --realtime"))
        #expect(told.contains("--sysctl \(folder.path)/sysctl") && told.contains("--linger 500"))
    }

    @Test func framesListingsAndRefusedEditsAreCompared() throws {
        let frames = try Self.judged(Self.sample(says: [Self.forwarded(.syn), Self.forwarded(.ack, ttl: 64)]))
        #expect(frames.findings.first?.contains("IPv4 ttl: expected 64, actual 63") == true)
        let folder = try Self.sample()
        try folder.write("", to: ".says/conns-sorted.txt")
        #expect(try Self.judged(folder).findings.first?.hasPrefix("expected/connections.txt, line 1") == true)
        let edits = try Self.sample()
        try edits.write("READY\ninject: before frame 1: `ipvsadm -D -t 192.0.2.9:80' gave 256\nINJECTED\nDONE\n", to: ".says/guest.log")
        #expect(
            try Self.judged(edits).findings == [
                "edits that are refused, by the input frames that they come before:\n  expected 1\n  actual   none"
            ])
    }

    @Test func whatTheHostRoutesIsNotTheDirectors() throws {
        // Nobody owns the address: the kernel routes the frames on, replay only says that it is passed.
        let services = "-A -t 192.0.2.99:80 -s rr\n"
        let network = Self.oneLink.replacing("addr add 192.0.2.1/32 dev lo", with: "route add default via 10.0.0.2 dev eth0 onlink")
        let folder = try Self.sample(services: services, network: network)
        #expect(try Self.judged(folder).outcome == .passed)
        let changed = try Self.sample(services: services, network: network, says: [Self.forwarded(.syn), Self.forwarded(.ack, ttl: 60)])
        #expect(try Self.judged(changed).differingFrames == 1)
    }

    @Test(
        arguments: [
            (["not-kernel": "the kernel has another opinion\nlonger\n"], CaseFolder.services, "the kernel has another opinion"),
            (["network": CaseFolder.network], CaseFolder.services, "it has several interfaces, the kernel's director has one"),
            (["in.vnet": ""], CaseFolder.services, "its frames have offload headers (in.vnet), the kernel's come over a wire"),
            (["run": "host beside\n"], CaseFolder.services, "run: the director stands beside a host, the kernel is one"),
            (["run": "connections 64\n"], CaseFolder.services, "run: a table for 64 connections, the kernel's grows"),
            ([:], "-A -t 192.0.2.1:80 -s twos\n", "TCP 192.0.2.1:80: the scheduler twos"),
            ([:], "-A -t 192.0.2.1:80 -s rr --no-toa\n", "TCP 192.0.2.1:80: --no-toa"),
            ([:], "-A -t 192.0.2.1:80,443 -s rr\n", "TCP 192.0.2.1:80,443: several ports in a service"),
            ([:], "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 --fullnat\n", "TCP 192.0.2.1:80: --fullnat to 10.0.0.2:80"),
        ] as [([String: String], String, String)])
    func whatTheKernelDoesNotHaveIsNamed(_ files: [String: String], _ services: String, _ reason: String) throws {
        let result = try Self.judged(Self.sample(files, services: services))
        #expect(result.outcome == .noKernelCase(reason))
        #expect(result.line.hasSuffix(": not a kernel case: \(reason)"))
        #expect(JUnitReport.text(of: [result]).contains("<skipped message=\"not a kernel case: "))
    }

    @Test(arguments: [("6.1.176", false), ("6.1.192-2", true), ("6.12.3", true)])
    func olderKernelsAreNotAskedWhatCameLater(_ release: String, _ isAsked: Bool) throws {
        let folder = try Self.sample(["kernel-since": "6.1.192 what came later\n", ".linux": "#!/bin/sh\necho \(release)\n"])
        chmod(folder.path + "/.linux", 0o755)
        var verifier = CaseVerifier()
        verifier.kernel = try KernelRunner(script: folder.path + "/.oracle", kernel: folder.path + "/.linux")
        #expect(
            verifier.verify(folder.path).outcome
                == (isAsked ? .passed : .noKernelCase("kernel \(release), but since 6.1.192 what came later")))
    }

    @Test func whatIsMissingIsSaid() throws {
        #expect(throws: (any Error).self) { try KernelRunner(kernel: "/nowhere/linux") }
        do { _ = try KernelRunner(kernel: "/nowhere/linux") } catch {
            #expect(error.description.hasPrefix("/nowhere/linux: no such program; a User-Mode Linux kernel"))
        }
        do { _ = try KernelRunner(script: "/nowhere/oracle", kernel: "/bin/true") } catch {
            #expect(error.description == "/nowhere/oracle: No such file or directory")
        }
        let folder = try Self.sample()
        try folder.write("#!/bin/sh\necho 'oracle: the guest did not boot' >&2\nexit 1\n", to: ".oracle")
        guard case .unusable(let reason) = try Self.judged(folder).outcome else { Issue.record("usable"); return }
        #expect(reason.hasSuffix("/.oracle: oracle: the guest did not boot"))
    }
}
