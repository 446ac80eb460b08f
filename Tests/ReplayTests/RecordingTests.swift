import Admin
import LVS
import Links
import PacketKit
import Replay
import Testing
import Wire

/// A director that breathes as it does live, with a recording of it, in one process.
final class LiveDirector {
    var director: Director
    let recording: Recording
    private var batch = Batch(capacity: 64)
    private let memory = Slab<UInt8>(capacity: 64 * 2048)
    /// Every frame that left, in order.
    private(set) var sent: [[UInt8]] = []

    init(_ folder: CaseFolder, filter: RecordFilter? = nil, limit: Int = 64 << 20) throws {
        let scenario = try Scenario(CaseFiles(folder: folder.path))
        let everything = try RecordFilter(clients: [], services: [], rules: [])
        recording = Recording(filter ?? everything, interfaces: [], limit: limit, calendar: 1_700_000_000_123_456_789, clock: 5_000_000_000)
        director = Director(connections: 4096, seed: 9, hostEmulation: HostEmulation(isWholeHost: false), at: 5_000_000_000)
        director.network = scenario.network
        for rule in scenario.services { try director.apply(rule.command) }
    }

    func directBatch(_ frames: [[UInt8]], on interface: String = "eth0", after time: Instant = 1_000_003) {
        let now = director.now + time
        director.advance(to: now)
        batch.removeAll()
        for (place, bytes) in frames.enumerated() {
            let base = UnsafeMutableRawPointer(memory.mutableAddress(checked: place * 2048))
            let frame = Frame(
                buffer: base, capacity: 2048, headroom: 128, length: bytes.count,
                ingress: director.network.interface(named: interface)?.index ?? 0)
            frame.bytes.copy(bytes)
            batch.append(frame)
        }
        recording.arriving(batch, at: now)
        director.process(&batch, at: now)
        recording.leaving(batch, at: now)
        recording.leaving(director.outbox.batch, at: now)
        for i in 0..<batch.count where batch[i].egress != 0 { sent.append(batch[i].bytes.array) }
        for i in 0..<director.outbox.batch.count { sent.append(director.outbox.batch[i].bytes.array) }
    }

    func release() {
        director.releaseWaiting(at: director.now)
        recording.leavingLate(director.outbox.batch, byTimer: false, at: director.now)
        for i in 0..<director.outbox.batch.count { sent.append(director.outbox.batch[i].bytes.array) }
    }

    func apply(_ command: Command) throws {
        try director.apply(command)
        recording.changed(command)
    }

    /// The case's texts as they are now.
    func texts() -> [String: String] {
        var snapshot = director.snapshot()
        snapshot.clock += recording.offset
        return [
            "services": DirectorText.services(director.inventory()), "sysctl": DirectorText.switches(director),
            "run": "seed 9\nconnections 4096\nhost beside\n", "connections": SnapshotText(snapshot).text,
        ]
    }

    func made(in path: String, _ texts: [String: String], network: Network, anonymiser: Anonymiser? = nil) throws -> RecordedCase {
        let names = Dictionary(uniqueKeysWithValues: director.network.interfaces.map { ($0.index, $0.name) })
        let made = try RecordedCase(folder: path, texts: texts, interfaces: names, taken: ["eth0", "eth1"], anonymiser: anonymiser)
        try made.take(Recording.Piece.pieces(in: recording.take()))
        try made.close(network: DirectorText.network(network, until: director.network))
        return made
    }
}

@Suite struct RecordingTests {
    private static let nat =
        "-A -t 192.0.2.1:80 -s wrr\n-a -t 192.0.2.1:80 -r 10.0.0.2:8080 -m -w 2\n-a -t 192.0.2.1:80 -r 10.0.0.3:8080 -m\n"

    private static func reply(_ port: UInt16, from server: String) -> [UInt8] {
        Packet.tcp(from: Endpoint(IPAddress(server)!, 8080), to: Endpoint(IPAddress("198.51.100.7")!, port), flags: [.syn, .ack])
            .ethernet(from: "02:00:00:00:00:22", to: "02:00:00:00:01:01")
    }

    @Test func aCaseThatBeginsInTheMiddleReplaysToTheByte() throws {
        let folder = try CaseFolder(services: Self.nat)
        let live = try LiveDirector(folder)
        live.directBatch([Arriving.tcp(.syn, port: 1), Arriving.tcp(.syn, port: 2), Arriving.tcp(.syn, port: 3)])
        let texts = live.texts(), network = live.director.network
        _ = live.recording.take()
        let second = try Self.record(live, network, texts, folder)
        #expect(second.outcome == .passed, "\(second.findings)")
    }

    /// Two batches, a command and a reply behind the snapshot, numbered from 0.
    private static func record(_ live: LiveDirector, _ network: Network, _ texts: [String: String], _ folder: CaseFolder) throws
        -> CaseResult
    {
        live.directBatch([Arriving.tcp(.ack, port: 1), Arriving.tcp(.syn, port: 4), Arriving.tcp(.ack, port: 2, payload: [1, 2, 3])])
        live.directBatch([reply(1, from: "10.0.0.3"), reply(2, from: "10.0.0.2")], on: "eth1")
        let server = ServerKey(address: IPAddress("10.0.0.2")!, port: 8080)
        try live.apply(
            .editServer(
                ServiceKey(proto: 6, address: IPAddress("192.0.2.1")!, port: 80), server, ServerSettings(method: .masquerading, weight: 0)))
        live.directBatch((10..<20).map { Arriving.tcp(.syn, port: $0) }, after: 61_000_000_000)
        let path = folder.path + "/recorded"
        let names = Dictionary(uniqueKeysWithValues: live.director.network.interfaces.map { ($0.index, $0.name) })
        let made = try RecordedCase(folder: path, texts: texts, interfaces: names, taken: ["eth0", "eth1"])
        // The three frames of the first batch were taken before.
        try made.take(
            Recording.Piece.pieces(in: live.recording.take()).map { piece in
                var piece = piece
                piece.cause -= 3
                return piece
            })
        try made.close(network: DirectorText.network(network, until: live.director.network))
        #expect(made.frames == 15)
        #expect(folder.text("recorded/edits") == "5: -e -t 192.0.2.1:80 -r 10.0.0.2:8080 -m -w 0\n")
        return try made.settle()
    }

    @Test func aFrameThatWaitedForItsNeighbourIsExpectedWhereItCame() throws {
        let folder = try CaseFolder()
        let live = try LiveDirector(folder)
        let server = IPAddress("10.0.0.2")!, eth1 = live.director.network.interface(named: "eth1")!.index
        let mac = live.director.network.neighbor(server, on: eth1)
        live.director.network.setNeighbor(server, on: eth1, to: nil)
        let texts = live.texts(), network = live.director.network
        live.directBatch([Arriving.tcp(.syn)])
        #expect(live.sent.isEmpty)
        live.director.network.setNeighbor(server, on: eth1, to: mac)
        live.release()
        live.directBatch([Arriving.tcp(.ack)])
        #expect(live.sent.count == 2)
        let result = try live.made(in: folder.path + "/recorded", texts, network: network).settle()
        #expect(result.outcome == .passed, "\(result.findings)")
    }

    @Test func aDirectorThatDidOtherwiseIsFoundOut() throws {
        let folder = try CaseFolder(services: Self.nat)
        let live = try LiveDirector(folder)
        var texts = live.texts()
        let network = live.director.network
        live.directBatch([Arriving.tcp(.syn, port: 1)])
        texts["services"] = texts["services"]?.replacing("10.0.0.3:8080 -m -w 1", with: "10.0.0.3:8080 -m -w 0")
        let result = try live.made(in: folder.path + "/recorded", texts, network: network).settle()
        #expect(result.outcome == .failed)
        #expect(result.differingFrames == 1)
    }

    @Test func anAnonymousCaseHoldsNoAddressAndVerifies() throws {
        let folder = try CaseFolder(services: Self.nat)
        let live = try LiveDirector(folder)
        let texts = live.texts(), network = live.director.network
        live.directBatch([Arriving.tcp(.syn, port: 1), Arriving.tcp(.ack, port: 1, payload: Array("GET / HTTP/1.0".utf8))])
        live.directBatch([Self.reply(1, from: "10.0.0.3")], on: "eth1")
        let anonymiser = Anonymiser(seed: 3)
        try anonymiser.read(ServicesFile(texts["services"] ?? "", name: "services", names: SystemNames()).rules)
        let made = try live.made(in: folder.path + "/recorded", texts, network: network, anonymiser: anonymiser)
        #expect(try made.settle().outcome == .regenerated)
        let verdicts = folder.text("recorded/verdicts").split(separator: "\n")
        #expect(verdicts.count == 3)
        #expect(verdicts.prefix(2) == ["masquerading", "masquerading"])
        #expect(verdicts.last == "reply-translated")
        for name in ["services", "network", "connections"] {
            for address in ["192.0.2.1", "10.0.0.2", "198.51.100", "02:00:00:00:00:22"] {
                #expect(!folder.text("recorded/" + name).contains(address))
            }
        }
        #expect(CaseVerifier().verify(folder.path + "/recorded").outcome == .passed)
    }

    @Test func whatWaitsIsBounded() throws {
        let folder = try CaseFolder()
        let live = try LiveDirector(folder, limit: 1000)
        for _ in 0..<20 { live.directBatch([Arriving.tcp(.syn)]) }
        #expect(live.recording.end == "frames came faster than they were fetched: 0 MB waited")
        #expect(live.recording.take().count <= 1000)
    }

    @Test func aFilterKeepsFramesAndConnectionsOfItsClients() throws {
        let folder = try CaseFolder()
        let live = try LiveDirector(folder, filter: try RecordFilter(clients: ["198.51.100.8"], services: [], rules: []))
        live.directBatch([Arriving.tcp(.syn)])
        #expect(live.recording.frames == 0)
        #expect(live.recording.take().isEmpty)
        var snapshot = live.director.snapshot()
        #expect(snapshot.entries.count == 1)
        let rules = try ServicesFile(CaseFolder.services, name: "services", names: SystemNames()).rules
        snapshot.keep(try RecordFilter(clients: ["198.51.100.0/24"], services: ["192.0.2.1:80"], rules: rules))
        #expect(snapshot.entries.count == 1)
        snapshot.keep(try RecordFilter(clients: ["198.51.100.8"], services: [], rules: []))
        #expect(snapshot.entries.isEmpty)
    }
}
