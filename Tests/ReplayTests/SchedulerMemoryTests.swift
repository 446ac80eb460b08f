import LVS
import PacketKit
import Replay
import Testing
import Wire

/// What schedulers remember and servers' rates travel with a snapshot, whichever scheduler it is.
@Suite struct SchedulerMemoryTests {
    private static let names = Schedulers.roster.map { $0.name }

    private static func services(_ name: String) -> String {
        "-A -t 192.0.2.1:80 -s \(name)\n" + [2, 3].map { "-a -t 192.0.2.1:80 -r 10.0.0.\($0):80 -g -w \($0)\n" }.joined()
    }

    /// New connections, and now and then a segment of the last one.
    private static let frames: [[UInt8]] = (0..<24).map { (number: UInt16) -> [UInt8] in
        number % 5 == 4 ? Arriving.tcp(.ack, port: 5000 + number) : Arriving.tcp(.syn, port: 5001 + number)
    }

    /// A capture cut anywhere: the second part goes on as the whole does, through the text of the file `connections`.
    @Test(arguments: names, [5, 12])
    func aReplayGoesOn(_ name: String, _ middle: Int) throws {
        let services = Self.services(name)
        let folder = try CaseFolder(["run": "seed 5\n"], frames: Self.frames, services: services)
        var whole = try Replayer(CaseFiles(folder: folder.path))
        for _ in 0..<middle { _ = try whole.step { _ in } }
        let text = SnapshotText(whole.director.snapshot()).text
        var expected: [[UInt8]] = []
        while try whole.step({ expected.append($0.frame) }) != nil {}

        let other = try CaseFolder(["run": "seed 5\n", "connections": text], services: services)
        try other.write(Array(Self.frames[middle...]), to: "in.pcap", causes: (middle..<Self.frames.count).map { UInt32(1000 + $0) })
        var half = try Replayer(CaseFiles(folder: other.path))
        #expect(SnapshotText(half.director.snapshot()).text == text)
        var actual: [[UInt8]] = []
        while try half.step({ actual.append($0.frame) }) != nil {}
        #expect(actual == expected && !expected.isEmpty)
    }

    /// Every kind of thing that a scheduler may remember, written and read.
    @Test func anyMemoryIsWrittenAndRead() throws {
        let key = ServiceKey(proto: IPProtocol.tcp, address: IPAddress("192.0.2.1")!, port: 80)
        let six = ServerKey(address: IPAddress("fd00::2")!, port: 80)
        var service = Snapshot.Service(key: key)
        service.memory = SchedulerMemory(
            position: [-1, 7], times: [1_500_000_000, -3],
            items: [
                .init(
                    address: IPAddress("203.0.113.9")!, servers: [ServerKey(address: IPAddress("10.0.0.2")!, port: 80), six],
                    times: [-2_000_000_001]),
                .init(address: IPAddress("2001:db8::9")!, servers: [six], times: [0, -1]),
            ])
        var server = Snapshot.Server(key: .init(key, six))
        (server.rates.average.connections, server.rates.average.bytesOut, server.rates.passed.packetsIn) = (1, 5, .max)
        var snapshot = Snapshot()
        snapshot.services = [service]
        snapshot.servers = [server]
        let text = SnapshotText(snapshot).text
        #expect(text.contains("service position -1,7 times 1.5,-0.000000003 of -t 192.0.2.1:80\n"))
        #expect(text.contains("remembered 203.0.113.9 by 10.0.0.2:80 by [fd00::2]:80 times -2.000000001 of -t 192.0.2.1:80\n"))
        #expect(text.contains(" rates 1,0,0,0,5,0,18446744073709551615,0,0,0 of "))
        let read = try SnapshotFile(text, file: "connections").snapshot
        #expect(read.services[0].memory == service.memory)
        #expect(read.servers[0].rates == server.rates)
        #expect(SnapshotText(read).text == text)
    }

    @Test(arguments: [
        ("remembered 203.0.113.9 of -t 192.0.2.1:80", "the line `service' of TCP 192.0.2.1:80 does not stand before it"),
        ("service of -t 192.0.2.1:80\nremembered here of -t 192.0.2.1:80", "here: not an address"),
        (
            "service of -t 192.0.2.1:80\nremembered 203.0.113.9 by 10.0.0.2 of -t 192.0.2.1:80",
            "10.0.0.2: not ADDRESS:PORT or [ADDRESS]:PORT"
        ),
        ("service of -t 192.0.2.1:80\nremembered 203.0.113.9 times 1,x of -t 192.0.2.1:80", "x: not a time in seconds"),
        (
            "service of -t 192.0.2.1:80\nremembered 203.0.113.9 until 5 of -t 192.0.2.1:80",
            "until: not a word for what is remembered: there are by, times and of"
        ),
        ("service of -t 192.0.2.1:80\nremembered 203.0.113.9", "`of' and what it belongs to is missing"),
        ("\nserver rates 1,2 of -t 192.0.2.1:80 -r 10.0.0.2:80", "1,2: not ten numbers"),
    ])
    func whatIsWrongIsNamed(_ text: String, _ complaint: String) {
        let error = #expect(throws: (any Error).self) { try SnapshotFile(text, file: "connections") }
        let line = text.split(separator: "\n", omittingEmptySubsequences: false).count
        #expect("\(error!)" == "connections:\(line): \(complaint)")
    }

    @Test func whatIsRememberedIsMadeAnonymous() {
        let anonymiser = Anonymiser(seed: 3)
        func mapped(_ text: String) -> String { "\(anonymiser.address(IPAddress(text)!))" }
        #expect(
            anonymiser.text("remembered 203.0.113.9 by 10.0.0.2:80 by 10.0.0.3:80 times -4.5,-60 of -t 192.0.2.1:80", of: "connections")
                == "remembered \(mapped("203.0.113.9")) by \(mapped("10.0.0.2")):80 by \(mapped("10.0.0.3")):80 times -4.5,-60 of -t \(mapped("192.0.2.1")):80"
        )
    }
}
