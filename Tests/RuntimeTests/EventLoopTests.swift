import Admin
import Foundation
import Glibc
import Host
import LVS
import LinkKit
import Replay
import Testing
import Wire

@testable import Runtime

@Suite struct EventLoopTests {
    static let services = ["-A -t 192.0.2.1:80 -s rr", "-a -t 192.0.2.1:80 -r 10.0.0.11:80 -g -w 1"]
    static let key = ServiceKey(proto: IPProtocol.tcp, address: ip("192.0.2.1"), port: 80)

    /// The made-up host has no devices.
    static let notLed =
        "warning: this host itself does not reach its services by the director: cannot make a TUN device: Operation not permitted"

    @Test func aFrameGoesThroughAndTheEndIsReported() throws {
        let director = try RunningDirector(services: Self.services)
        for port in 1...3 { director.clients.arrive(PacketLoopTests.syn(UInt16(port))) }
        #expect(wait { director.servers.sent.filter { $0.prefix(6) == [2, 0, 0, 0, 0, 0x11] }.count == 3 })
        try director.stop()
        #expect(director.lines.all == [Self.notLed, "ended: direct-routing 3"])
    }

    /// The address that only the director has is announced at once, on each of its interfaces, and its traffic is muted.
    @Test func theHostSideFollows() throws {
        let director = try RunningDirector(services: Self.services)
        #expect(wait { director.clients.sent.count >= 2 && director.servers.sent.count >= 2 })
        #expect(director.clients.sent[0].prefix(14) == [255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 2, 8, 6])
        try director.stop()
        let suppressed = try #require(director.host.suppressions.last)
        #expect(suppressed.ownedAddresses == [ip("192.0.2.1")] && suppressed.interfaces == ["eth0", "eth1"])
    }

    /// As in the kernel, by default: an address is handled while the host has it, and nobody is told where it lives.
    @Test func anAddressIsFollowedAsItComesAndGoes() throws {
        let director = try RunningDirector(services: Self.services, ownership: .none)
        let client = try ControlClient(path: director.control)
        let address = Network.Address(address: ip("192.0.2.1"), prefixLength: 32, interface: 2)
        #expect(try client.text(.virtualAddresses) == "192.0.2.1 nobody\n")
        #expect(try client.text(.explain(packet: "tcp 198.51.100.7:5555 > 192.0.2.1:80 SYN", .text)).contains("passed, pass-waiting"))
        director.clients.arrive(PacketLoopTests.syn(1))
        #expect(wait { (try? client.text(.verdictCounters).contains("pass-waiting 1")) == true })
        director.host.change { $0.addresses.append(address) }
        #expect(wait { director.lines.all.count == 3 })
        #expect(try client.text(.virtualAddresses) == "192.0.2.1 host\n")
        director.clients.arrive(PacketLoopTests.syn(2))
        #expect(wait { director.servers.sent.count == 1 })
        director.host.change { $0.addresses.removeAll { $0 == address } }
        #expect(wait { director.lines.all.count == 4 })
        #expect(try client.text(.virtualAddresses) == "192.0.2.1 nobody\n")
        director.clients.arrive(PacketLoopTests.syn(3))
        #expect(wait { (try? client.text(.verdictCounters).contains("pass-waiting 2")) == true })
        try director.stop()
        #expect(director.clients.sent.isEmpty && director.servers.sent.count == 1)
        #expect(
            director.lines.all == [
                "waiting: 192.0.2.1: not on this host, and not to be owned (svs run --own)", Self.notLed,
                "on this host now: 192.0.2.1",
                "waiting: 192.0.2.1: not on this host, and not to be owned (svs run --own)",
                "ended: direct-routing 1, pass-waiting 2",
            ])
        #expect(director.host.suppressions.map(\.waitingAddresses.count) == [1, 0, 1])
        #expect(director.host.suppressions.allSatisfy { $0.services.count == 1 })
    }

    @Test func commandsAreCarriedOutAndTheHostFollowsThem() throws {
        let director = try RunningDirector(services: Self.services)
        let client = try ControlClient(path: director.control)
        try client.apply(
            .addService(ServiceKey(proto: IPProtocol.udp, address: ip("192.0.2.2"), port: 53), ServiceSettings(scheduler: "rr")))
        #expect(try client.inventory().services.count == 2)
        #expect(try client.text(.start) == "seed 0\n")
        #expect(try client.text(.switches).contains("net.ipv4.vs.conn_reuse_mode = 1\n"))
        #expect(try client.text(.verdictCounters) == "")
        #expect(wait { director.clients.sent.count >= 4 })
        try director.stop()
        #expect(director.host.suppressions.last?.ownedAddresses == [ip("192.0.2.1"), ip("192.0.2.2")])
    }

    @Test func aPacketIsExplained() throws {
        let director = try RunningDirector(services: Self.services)
        let client = try ControlClient(path: director.control)
        let text = try client.text(.explain(packet: "tcp 198.51.100.7:5555 > 192.0.2.1:80 SYN", .text))
        #expect(text.contains("10.0.0.11:80"))
        #expect(try client.text(.explain(packet: "tcp 198.51.100.7:5555 > 192.0.2.1:80 SYN", .json)).hasPrefix("{"))
        let error = try #require(throws: ControlFailure.self) { _ = try client.text(.explain(packet: "hello", .text)) }
        #expect(error.errno == EINVAL)
        // Nothing in the director has changed.
        #expect(try client.connections().isEmpty)
        try director.stop()
    }

    @Test func aRecordingTakesDownWhatHappens() throws {
        let director = try RunningDirector(services: Self.services)
        let client = try ControlClient(path: director.control)
        #expect(throws: ControlFailure.denied(errno: ESRCH, "nothing is being recorded any more")) { _ = try client.chunk(.recorded) }
        #expect(
            throws: ControlFailure.denied(errno: EINVAL, "eth7: the director takes no frames from this interface, only from eth0, eth1")
        ) {
            _ = try client.startRecording(.init(interfaces: ["eth7"]))
        }
        let start = try client.startRecording(.init(clients: ["198.51.100.7"]))
        #expect(start.files.map(\.name).sorted() == ["run", "sysctl"] && start.taken == ["eth0", "eth1"])
        #expect(start.interfaces.map(\.name) == ["lo", "eth0", "eth1"])
        #expect(throws: ControlFailure.denied(errno: EBUSY, "somebody records already")) { _ = try client.startRecording(.init()) }
        director.clients.arrive(PacketLoopTests.syn(1))
        var pieces: [Recording.Piece] = []
        #expect(
            try wait {
                pieces += Recording.Piece.pieces(in: try client.chunk(.recorded).bytes)
                return pieces.count >= 2
            })
        #expect(pieces.map(\.kind) == [.arrived, .left] && pieces[1].interface == 3)
        var connections: [UInt8] = [], hasMore = true
        #expect(
            try wait {
                let chunk = try client.chunk(.recordedConnections)
                connections += chunk.bytes
                hasMore = chunk.hasMore
                return !hasMore
            })
        #expect(connections.last == 0x0a)
        #expect(String(decoding: connections.prefix { $0 != 0 }, as: UTF8.self).hasPrefix("-A -t 192.0.2.1:80 -s rr\n-a "))
        let end = try client.endRecording()
        #expect(end.reason.isEmpty && end.ownFrames == 0 && end.network.contains("dev eth1"))
        try director.stop()
    }

    @Test func filesReadAgainChangeWhatTheyChange() throws {
        let director = try RunningDirector(services: Self.services)
        let client = try ControlClient(path: director.control)
        try client.apply(
            .addServer(Self.key, ServerKey(address: ip("10.0.0.12"), port: 80), ServerSettings(method: .directRouting, weight: 7)))
        try director.write([Self.services[0], "-a -t 192.0.2.1:80 -r 10.0.0.11:80 -g -w 5"])
        director.signal(SIGHUP)
        #expect(wait { director.lines.all.contains("files read again: 1 change") })
        let weights = try client.inventory().services[0].servers.map(\.settings.weight).sorted()
        #expect(weights == [5, 7])
        try director.write(["-A -t 192.0.2.1:80 -s nosuch"])
        director.signal(SIGHUP)
        #expect(
            wait { director.lines.all.contains { $0.hasPrefix("\(director.file):1: ") && $0.hasSuffix("; everything stays as it was") } })
        #expect(try client.inventory().services[0].servers.count == 2)
        try director.stop()
    }

    /// Who records is gone: the next one may at once.
    @Test func aRecordingEndsWithItsClient() throws {
        let director = try RunningDirector(services: Self.services)
        var first: ControlClient? = try ControlClient(path: director.control)
        _ = try first?.startRecording(.init())
        let second = try ControlClient(path: director.control)
        #expect(throws: ControlFailure.denied(errno: EBUSY, "somebody records already")) { _ = try second.startRecording(.init()) }
        first = nil
        #expect(wait { (try? second.startRecording(.init())) != nil })
        _ = try second.endRecording()
        #expect(throws: ControlFailure.self) { _ = try second.startRecording(.init(services: ["192.0.2.7:80"])) }
        try director.stop()
    }

    @Test func anInterfaceThatIsBackIsSaid() throws {
        let director = try RunningDirector(services: Self.services)
        for _ in 1...2 {
            director.host.change { $0.interfaces[1].isUp = false }
            #expect(wait { !director.host.isChanged })
            director.host.change { $0.interfaces[1].isUp = true }
            #expect(wait { !director.host.isChanged })
        }
        #expect(wait { director.lines.all.filter { $0 == "interface eth0 is up again" }.count == 2 })
        try director.stop()
    }

    @Test func warningsAndMistakesAreSaidAtOnce() throws {
        let director = try RunningDirector(services: ["-A -f 7 -s rr"])
        let warning = "warning: service FWM 7: nothing marks packets, so none comes; see --marks and --marks-from-host"
        #expect(director.lines.all == [warning])
        try director.write(["-A -t 192.0.2.1:80 -s nosuch", "-A -t 192.0.2.1:81 -s rr", "-A -t 192.0.2.1:81 -s rr"])
        director.signal(SIGHUP)
        let file = director.file
        #expect(
            wait {
                director.lines.all.contains { $0.hasPrefix("\(file):1: ") && $0.contains("\n\(file):3: ") && !$0.contains(":2: ") }
            })
        try director.write([])
        director.signal(SIGHUP)
        #expect(
            wait {
                director.lines.all.contains(
                    "warning: \(file) holds no service: of the 1 service in the table those from its last reading go")
            })
        #expect(wait { director.lines.all.contains("files read again: 1 change") })
        try director.stop()
    }

    /// What is no file is refused, and keeps neither frames nor clients nor the end waiting.
    @Test func aPipeHoldsNothingUp() throws {
        let director = try RunningDirector(services: Self.services)
        unlink(director.file)
        #expect(mkfifo(director.file, 0o600) == 0)
        director.signal(SIGHUP)
        #expect(wait { director.lines.all.contains("\(director.file): is a pipe, not a regular file; everything stays as it was") })
        let client = try ControlClient(path: director.control)
        #expect(try client.inventory().services.count == 1)
        director.clients.arrive(PacketLoopTests.syn(1))
        #expect(try wait { try client.connections().count == 1 })
        try director.stop()
    }

    /// A file with more changes than one turn carries out is in force as a whole, and frames go on meanwhile.
    @Test func manyChangesAreCarriedOutInTurns() throws {
        let director = try RunningDirector(services: Self.services)
        var lines = try String(contentsOfFile: director.file, encoding: .utf8)
        for port in 1000..<3000 { lines += "-A -t 192.0.2.9:\(port) -s rr\n-a -t 192.0.2.9:\(port) -r 10.0.0.3 -g\n" }
        try lines.write(toFile: director.file, atomically: true, encoding: .utf8)
        director.signal(SIGHUP)
        #expect(wait { director.lines.all.contains("files read again: 4000 changes") })
        director.clients.arrive(PacketLoopTests.syn(1))
        let client = try ControlClient(path: director.control)
        #expect(try client.inventory().services.count == 2001)
        #expect(try wait { try client.connections().count == 1 })
        try director.stop()
        #expect(director.lines.steps.count == 1)
    }

    /// An interface that frames leave by and that none are taken from gets a link when the first frame leaves.
    @Test func aNewWayOutIsOpened() throws {
        let director = try RunningDirector(services: Self.services)
        let client = try ControlClient(path: director.control)
        try client.apply(
            .addServer(Self.key, ServerKey(address: ip("10.9.0.11"), port: 80), ServerSettings(method: .directRouting, weight: 1000)))
        director.host.change { network in
            network.interfaces.append(.init(index: 9, name: "eth9", mac: MACAddress(bits: 0x0200_0000_0009), mtu: 1500))
            network.routes.append(.init(prefix: ip("10.9.0.0"), length: 24, interface: 9))
            network.setNeighbor(ip("10.9.0.11"), on: 9, to: MACAddress(bits: 0x0200_0000_0099))
        }
        usleep(50_000)
        for port in 1...4 { director.clients.arrive(PacketLoopTests.syn(UInt16(port))) }
        #expect(try wait { try client.connections().count == 4 })
        try director.stop()
        #expect(director.host.opened.count == 1 && director.host.opened[0].sent.count == 2)
    }
}
