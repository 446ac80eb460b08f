import Admin
import Host
import LVS
import Links
import Testing
import Wire

@testable import Runtime

@Suite struct DerivedHostStateTests {
    private func derived(_ lines: String..., network: Network = FakeHost.network) throws -> DerivedHostState {
        let file = try ServicesFile(lines.joined(separator: "\n"), name: "services", names: SystemNames())
        var director = Director(connections: 16)
        for rule in file.rules { try director.apply(rule.command) }
        return DerivedHostState(director.inventory(), network, MarkRules(family: .v4), MarkRules(family: .v6))
    }

    @Test func anAddressThatTheHostDoesNotHaveIsTheDirectors() throws {
        let own = try derived("-A -t 192.0.2.1:80 -s rr", "-A -t 192.0.2.254:80 -s rr")
        #expect(own.owned == [ip("192.0.2.1")] && own.suppressed.ownedAddresses == own.owned)
        #expect(Set(own.suppressed.services.map(\.address)) == [ip("192.0.2.1"), ip("192.0.2.254")])
        #expect(own.suppressed.services.allSatisfy { $0.proto == IPProtocol.tcp && $0.ports == 80...80 })
        #expect(!own.translates && !own.tunnels && own.localServers.isEmpty)
    }

    @Test func repliesOfTranslatedServersAreWanted() throws {
        let nat = try derived("-A -t 192.0.2.1:80 -s rr", "-a -t 192.0.2.1:80 -r 10.0.0.11:8080 -m")
        #expect(nat.translates && nat.suppressed.icmpErrors)
        #expect(nat.captureMatches.contains(CaptureMatch(.source, ip("10.0.0.11"), proto: IPProtocol.tcp, ports: 8080...8080)))
        #expect(nat.suppressed.replies == [SuppressedTraffic.Endpoint(proto: IPProtocol.tcp, address: ip("10.0.0.11"), port: 8080)])
        #expect(try derived("-A -t 192.0.2.1:80 -s rr", "-a -t 192.0.2.1:80 -r 10.0.0.11:80 -i").tunnels)
    }

    @Test func aServerThatIsTheHostItselfAnswersThroughTheDirector() throws {
        let local = try derived("-A -t 192.0.2.1:80 -s rr", "-a -t 192.0.2.1:80 -r 10.0.0.254:8080 -m")
        #expect(local.localServers == [LocalServer(proto: IPProtocol.tcp, address: ip("10.0.0.254"), port: 8080)])
        #expect(local.suppressed.replies.isEmpty)
    }

    @Test func everyPortOfAServiceWithoutOneIsMuted() throws {
        let every = try derived("-A -t 192.0.2.1:0 -s rr -p 60")
        #expect(every.suppressed.services.map(\.ports) == [0...65_535])
        let ranges = try derived("-A -t 192.0.2.1:80,8000-8009 -s rr")
        #expect(Set(ranges.suppressed.services.map(\.ports)) == [80...80, 8000...8009])
    }
}
