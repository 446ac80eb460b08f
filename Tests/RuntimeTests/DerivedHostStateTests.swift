import Admin
import Host
import LVS
import Links
import Testing
import Wire

@testable import Runtime

@Suite struct DerivedHostStateTests {
    private func derived(
        _ lines: String..., network: Network = FakeHost.network, ownership: Ownership = .all, marks: String = "", isBackupOnly: Bool = false
    ) throws -> DerivedHostState {
        let file = try ServicesFile(lines.joined(separator: "\n"), name: "services", names: SystemNames())
        var director = Director(connections: 16, hostEmulation: HostEmulation(isWholeHost: false, ownership: ownership))
        director.network = network
        director.marks4 = try MarksFile(marks, file: "marks", family: .v4).rules
        for rule in file.rules { try director.apply(rule.command) }
        if isBackupOnly {
            director.tunables.backupOnly = 1
            try director.apply(.startDaemon(SyncDaemon(role: .backup, interface: network.interfaces[0].name)))
        }
        let services = director.inventory().services
        return DerivedHostState(HostStateInput(&director, services: services))
    }

    @Test func anAddressThatNobodyHasWaits() throws {
        let waits = try derived("-A -t 192.0.2.1:80 -s rr", "-A -t 192.0.2.254:80 -s rr", ownership: .none)
        #expect(waits.waiting == [ip("192.0.2.1")] && waits.owned.isEmpty)
        // The host sees what is sent to it as long as it waits.
        #expect(waits.suppressed.waitingAddresses == [ip("192.0.2.1")])
        #expect(Set(waits.suppressed.services.map(\.address)) == [ip("192.0.2.1"), ip("192.0.2.254")])
        #expect(waits.suppressed.ownedAddresses.isEmpty && waits.suppressed.fragmentAddresses == [ip("192.0.2.1"), ip("192.0.2.254")])
        // The first frame after it came is directed, so it is seen before.
        #expect(waits.captureMatches.contains { $0.prefix == ip("192.0.2.1") })
        let some = try derived("-A -t 192.0.2.1:80 -s rr", "-A -t 192.0.2.2:80 -s rr", ownership: .only([ip("192.0.2.2")]))
        #expect(some.waiting == [ip("192.0.2.1")] && some.owned == [ip("192.0.2.2")])
    }

    @Test func localAddressesAreKeptFromTheHostWhoeverHasThem() throws {
        let lines = ["-A -t 192.0.2.254:80 -s rr --local-address 10.0.0.253-10.0.0.254", "-a -t 192.0.2.254:80 -r 10.0.0.11:80 --fullnat"]
        let both = [ip("10.0.0.253"), ip("10.0.0.254")]
        let waits = try derived(lines[0], lines[1], ownership: .none)
        #expect(waits.suppressed.localAddresses == both && waits.owned.isEmpty && waits.waiting == [both[0]])
        let owned = try derived(lines[0], lines[1])
        #expect(owned.suppressed.localAddresses == both && owned.owned == [both[0]] && owned.waiting.isEmpty)
        #expect(owned.captureMatches.contains(CaptureMatch(.destination, both[0])))
    }

    @Test func ofMarkedNetworksTheHostsPartIsHandled() throws {
        var network = FakeHost.network
        network.addresses.append(.init(address: ip("203.0.113.9"), prefixLength: 32, interface: 2))
        network.routes.append(.init(prefix: ip("203.0.113.64"), length: 26, interface: 1, kind: .local))
        let marks = "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 203.0.113.0/24 -p tcp --dport 80 -j MARK --set-mark 1\nCOMMIT\n"
        let marked = try derived("-A -f 1 -s rr", network: network, marks: marks)
        #expect(marked.suppressed.marked.map { "\($0.prefix)/\($0.length)" } == ["203.0.113.9/32", "203.0.113.64/26"])
        #expect(marked.owned.isEmpty && marked.waiting.isEmpty)
        let single = try derived("-A -f 1 -s rr", ownership: .none, marks: marks.replacing("/24", with: ""))
        #expect(single.waiting == [ip("203.0.113.0")] && single.suppressed.waitingAddresses == [ip("203.0.113.0")])
        #expect(single.suppressed.marked.map(\.prefix) == [ip("203.0.113.0")])
    }

    @Test func anOwnedAddressThatTheHostDoesNotHaveIsTheDirectors() throws {
        let own = try derived("-A -t 192.0.2.1:80 -s rr", "-A -t 192.0.2.254:80 -s rr")
        #expect(own.owned == [ip("192.0.2.1")] && own.suppressed.ownedAddresses == own.owned)
        #expect(Set(own.suppressed.services.map(\.address)) == [ip("192.0.2.1"), ip("192.0.2.254")])
        #expect(own.suppressed.services.allSatisfy { $0.proto == IPProtocol.tcp && $0.ports == 80...80 })
        #expect(!own.translates && !own.tunnels && own.ownTraffic.answers.isEmpty)
    }

    @Test func repliesOfTranslatedServersAreWanted() throws {
        let nat = try derived("-A -t 192.0.2.1:80 -s rr", "-a -t 192.0.2.1:80 -r 10.0.0.11:8080 -m")
        #expect(nat.translates && nat.suppressed.icmpErrors)
        #expect(nat.captureMatches.contains(CaptureMatch(.source, ip("10.0.0.11"), proto: IPProtocol.tcp, ports: 8080...8080)))
        #expect(nat.suppressed.replies == [SuppressedTraffic.Endpoint(proto: IPProtocol.tcp, address: ip("10.0.0.11"), port: 8080)])
        #expect(try derived("-A -t 192.0.2.1:80 -s rr", "-a -t 192.0.2.1:80 -r 10.0.0.11:80 -i").tunnels)
    }

    @Test func theHostOfABackupOnlySeesWhatIsSentToServices() throws {
        let lines = ["-A -t 192.0.2.254:80 -s rr", "-a -t 192.0.2.254:80 -r 10.0.0.11:80 -m", "-A -f 1 -s rr"]
        let marks = "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 192.0.2.254 -p udp -j MARK --set-mark 1\nCOMMIT\n"
        let backup = try derived(lines[0], lines[1], lines[2], marks: marks, isBackupOnly: true)
        #expect(backup.suppressed.services.isEmpty && backup.suppressed.marked.isEmpty && backup.suppressed.fragmentAddresses.isEmpty)
        // Replies of servers go on.
        let master = try derived(lines[0], lines[1], lines[2], marks: marks)
        #expect(!master.suppressed.services.isEmpty && !master.suppressed.marked.isEmpty)
        #expect(backup.suppressed.replies == master.suppressed.replies && !backup.suppressed.replies.isEmpty)
        #expect(backup.suppressed.fragmentSources == [ip("10.0.0.11")] && backup.captureMatches == master.captureMatches)
    }

    @Test func aServerThatIsTheHostItselfAnswersThroughTheDirector() throws {
        let local = try derived("-A -t 192.0.2.1:80 -s rr", "-a -t 192.0.2.1:80 -r 10.0.0.254:8080 -m")
        #expect(
            local.ownTraffic.answers == [
                .init(answersOf: ip("10.0.0.254"), proto: IPProtocol.tcp, port: 8080),
                .init(answersOf: ip("10.0.0.254"), proto: IPProtocol.tcp, port: 8080, to: ip("192.0.2.254")),
            ])
        #expect(local.suppressed.replies.isEmpty)
    }

    @Test func whatTheHostAsksItselfIsLed() throws {
        let tcp = IPProtocol.tcp
        let own = try derived("-A -t 192.0.2.254:80 -s rr", "-a -t 192.0.2.254:80 -r 10.0.0.11:80 -g", "-A -t 192.0.2.254:81 -s rr")
        #expect(
            own.ownTraffic.requests == [
                .init(requestsTo: ip("192.0.2.254"), proto: tcp, ports: 80...80, isForHost: true),
                .init(requestsTo: ip("192.0.2.254"), proto: tcp, ports: 81...81, isForHost: true),
            ])
        // It asks from its address on the servers' side, never from one that servers have too.
        #expect(own.ownTraffic.clients == [ip("192.0.2.254"): .init(from: ip("10.0.0.254"), mtu: 1500)])
        #expect(own.suppressed.clientAddresses == [ip("10.0.0.254"), ip("192.0.2.254")])
        let owned = try derived("-A -t 192.0.2.1:80 -s rr", "-a -t 192.0.2.1:80 -r 10.0.0.11:80 -i")
        #expect(owned.ownTraffic.clients == [ip("192.0.2.1"): .init(from: ip("10.0.0.254"), mtu: 1480)])
        #expect(owned.ownTraffic.requests == [.init(requestsTo: ip("192.0.2.1"), isForHost: false)])
        let waits = try derived("-A -t 192.0.2.1:80 -s rr", ownership: .none)
        #expect(waits.ownTraffic.isEmpty && waits.suppressed.clientAddresses.isEmpty)
    }

    @Test func markedAddressesAreThoseOfTheServicesMarks() throws {
        let marks =
            "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 203.0.113.1/32 -j MARK --set-mark 1\n"
            + "-A PREROUTING -d 203.0.113.2/32 -j MARK --set-mark 2\nCOMMIT\n"
        let marked = try derived("-A -f 1 -s rr", marks: marks)
        #expect(marked.owned == [ip("203.0.113.1")] && marked.suppressed.marked.map(\.prefix) == [ip("203.0.113.1")])
        // What marked packets find on the host is the host's.
        var network = FakeHost.network
        network.routes.append(.init(prefix: ip("203.0.113.1"), length: 32, interface: 1, kind: .local, table: 100))
        var rule = PolicyRule(.v4, priority: 100, .lookup(100))
        (rule.mark, rule.markMask) = (1, .max)
        network.rules.insert(rule, at: 1)
        network.joinsLocalAndMain = false
        let routed = try derived("-A -f 1 -s rr", network: network, marks: marks)
        #expect(routed.owned.isEmpty && routed.waiting.isEmpty && routed.suppressed.marked.map(\.prefix) == [ip("203.0.113.1")])
    }

    /// What the other one of two directors sends to this one as a server, which the marks leave out.
    @Test func whatMarksLeaveOutIsTheHosts() throws {
        func rule(_ to: String, _ words: String) -> String { "-A PREROUTING -d \(to) \(words) -j MARK --set-mark 1\n" }
        let not5 = "-p tcp -m mac ! --mac-source 02:00:00:00:00:05", not6 = "-p udp -m mac ! --mac-source 02:00:00:00:00:06"
        let one = ip("192.0.2.254"), left = SuppressedTraffic.Source(MACAddress(bits: 0x0200_0000_0005), to: one)
        func unmarked(_ rules: String, _ services: String...) throws -> [SuppressedTraffic.Source] {
            try derived(
                (["-A -f 1 -s rr"] + services).joined(separator: "\n"), marks: "*mangle\n:PREROUTING ACCEPT [0:0]\n\(rules)COMMIT\n"
            )
            .suppressed.unmarked
        }
        #expect(try unmarked(rule("192.0.2.254", not5)) == [left])
        #expect(try unmarked(rule("192.0.2.0/24", not5)) == [left])
        #expect(try unmarked(rule("192.0.2.254", not5) + rule("192.0.2.0/24", not5 + " --dport 9")) == [left])
        #expect(try unmarked(rule("192.0.2.254", not5) + rule("192.0.2.254", not6)) == [])
        #expect(try unmarked(rule("192.0.2.254", not5) + rule("192.0.2.254", "-p udp")) == [])
        #expect(try unmarked(rule("192.0.2.254", not5), "-A -t 192.0.2.254:443 -s rr") == [])
        #expect(try unmarked(rule("192.0.2.254", not5.replacing("! ", with: ""))) == [])
    }

    @Test func everyPortOfAServiceWithoutOneIsMuted() throws {
        let every = try derived("-A -t 192.0.2.1:0 -s rr -p 60")
        #expect(every.suppressed.services.map(\.ports) == [0...65_535])
        let ranges = try derived("-A -t 192.0.2.1:80,8000-8009 -s rr")
        #expect(Set(ranges.suppressed.services.map(\.ports)) == [80...80, 8000...8009])
    }
}
