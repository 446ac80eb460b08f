import Admin
import Glibc
import LVS
import Testing
import Wire

@testable import Runtime

/// What a running director says of itself, and switches that are set while it runs.
@Suite struct StatusTests {
    @Test func aDirectorSaysHowItIs() throws {
        let director = try RunningDirector(services: EventLoopTests.services)
        let client = try ControlClient(path: director.control)
        for port in 1...3 { director.clients.arrive(PacketLoopTests.syn(UInt16(port))) }
        #expect(wait { (try? client.status().verdicts.first?.frames) == 3 })
        let status = try client.status()
        #expect(status.version == Release.version && status.process == getpid())
        #expect((status.services, status.servers, status.connections, status.capacity) == (1, 1, 3, 1024))
        #expect(status.interfaces.map(\.name) == ["eth0", "eth1"] && status.interfaces.allSatisfy { $0.state == .up })
        #expect(status.interfaces[0].received == 3 && status.interfaces[1].sent >= 3)
        #expect(status.addresses == [.init(address: "192.0.2.1", holder: "director")])
        #expect(status.verdicts.map(\.name) == ["direct-routing"] && status.failing.isEmpty && status.faults.isEmpty)
        #expect(status.switches.count == Tunables.names.count && status.switches.allSatisfy(\.isUsual))
        #expect(status.controlSteps.counts.reduce(0, +) > 0 && status.controlSteps.longest <= status.controlSteps.total)
        let loads = try client.loads()
        #expect(
            loads.services.map(\.key.description) == ["TCP 192.0.2.1:80"] && loads.services.map(\.number) == loads.servers.map(\.service))
        #expect(loads.servers.map { "\($0.key)" } == ["10.0.0.11:80"] && loads.servers[0].inactive + loads.servers[0].active == 3)
        // Rates come with the seconds.
        var port: UInt16 = 4
        #expect(
            wait {
                port += 1
                director.clients.arrive(PacketLoopTests.syn(port))
                return (try? client.status().verdicts.first?.rate ?? 0) ?? 0 > 0
            })
        try director.stop()
    }

    @Test func whatIsWrongIsAFault() throws {
        let director = try RunningDirector(services: EventLoopTests.services)
        let client = try ControlClient(path: director.control)
        director.clients.arrive(PacketLoopTests.syn(1))
        #expect(wait { (try? client.status().verdicts.first?.frames) == 1 })
        director.host.change { network in
            network.interfaces[1].isUp = false
            network.interfaces[2].hasCarrier = false
            network.setNeighbor(ip("10.0.0.11"), on: 3, to: nil)
            network.failing = [.init(address: ip("10.0.0.11"), interface: 3), .init(address: ip("192.0.2.253"), interface: 2)]
        }
        #expect(wait { (try? client.status().interfaces[0].state) == .down })
        let status = try client.status()
        #expect(
            status.failing == [
                .init(address: "192.0.2.253", interface: "eth0", servers: 0), .init(address: "10.0.0.11", interface: "eth1", servers: 1),
            ])
        #expect(
            status.faults.map(\.text) == [
                "interface eth0: down", "interface eth1: no-carrier", "10.0.0.11 on eth1 does not answer: 1 server cannot be reached",
            ])
        director.host.change { $0.interfaces.remove(at: 1) }
        #expect(wait { (try? client.status().interfaces[0].state) == .gone })
        try director.stop()
    }

    @Test func aSwitchIsSetWhileTheDirectorRuns() throws {
        let director = try RunningDirector(services: EventLoopTests.services)
        let client = try ControlClient(path: director.control)
        func value(_ name: String) throws -> DirectorStatus.Switch? { try client.status().switches.first { $0.name == name } }
        #expect(try client.text(.setSwitch(name: "vs.sloppy_tcp", value: "1")) == "")
        #expect(try client.text(.setSwitch(name: "net.ipv4.vs.sync_threshold", value: "4 60")) == "")
        #expect(try value("net.ipv4.vs.sloppy_tcp") == .init(name: "net.ipv4.vs.sloppy_tcp", value: "1", isUsual: false))
        #expect(try value("net.ipv4.vs.sync_threshold")?.value == "4 60")
        #expect(try client.text(.switches).contains("net.ipv4.vs.sloppy_tcp = 1\n"))
        for (name, wrong, words) in [
            ("vs.sloppy_tpc", "1", "unknown key net.ipv4.vs.sloppy_tpc; did you mean net.ipv4.vs.sloppy_tcp?"),
            ("vs.drop_entry", "9", "net.ipv4.vs.drop_entry: 9: expected 0 to 3"),
            ("net.ipv4.ip_forward", "1", "net.ipv4.ip_forward is the host's own: sysctl -w net.ipv4.ip_forward=1"),
        ] {
            let error = #expect(throws: ControlFailure.self) { try client.text(.setSwitch(name: name, value: wrong)) }
            #expect(error.map { "\($0)" }?.contains(words) == true)
        }
        // Files that say of it what they said before leave it.
        director.signal(SIGHUP)
        #expect(wait { director.lines.all.contains { $0.hasPrefix("files read again") } })
        #expect(try value("net.ipv4.vs.sloppy_tcp")?.value == "1")
        try director.stop()
    }

    /// What files say anew counts.
    @Test func aFileThatSaysSomethingElseOutdoesAClient() throws {
        var engine = ControlledDirector(Director(connections: 16))
        try engine.setSwitch("vs.sloppy_tcp", to: "1")
        try engine.setSwitch("vs.drop_entry", to: "2")
        var now = Tunables()
        now.sloppyTCP = 2
        now.conntrack = 1
        engine.takeSwitches(now, since: Tunables())
        #expect((engine.director.tunables.sloppyTCP, engine.director.tunables.dropEntry, engine.director.tunables.conntrack) == (2, 2, 1))
        #expect(engine.switchesSet == ["net.ipv4.vs.drop_entry": "2"])
        engine.takeSwitches(now, since: now)
        #expect(engine.director.tunables.dropEntry == 2)
        var next = ControlledDirector(Director(connections: 16))
        var said: [String] = []
        next.restoreSwitches("net.ipv4.vs.drop_entry = 2\nnet.ipv4.vs.gone = 1\n") { said.append($0) }
        #expect(next.director.tunables.dropEntry == 2 && said == ["not taken over: unknown key net.ipv4.vs.gone"])
    }
}
