import Admin
import Foundation
import LVS
import Replay
import Testing
import Wire

@Suite struct ExplainTests {
    private static func explained(
        _ words: String, behind frames: [[UInt8]] = [], _ files: [String: String] = [:],
        services: String = CaseFolder.services
    ) throws -> ExplainedFrame {
        let folder = try CaseFolder(files, frames: frames, services: services)
        var replay = try Replayer(CaseFiles(folder: folder.path))
        while try replay.step({ _ in }) != nil {}
        let words = try PacketWords(words)
        let (bytes, interface) = try words.frame(arrivingAt: replay.director.network)
        replay.explains = true
        var emissions: [Replayer.Emission] = []
        let outcome = replay.step(with: bytes, on: interface) { emissions.append($0) }
        return ExplainedFrame(outcome, emissions, replay.scenario.network, guePorts: replay.scenario.guePorts, words: words)
    }

    @Test func aFirstPacketIsToldFromServiceToWay() throws {
        let told = try Self.explained("tcp 198.51.100.7:5555 > 192.0.2.1:80 SYN")
        #expect(
            told.text == """
                frame 0 on eth0 at 0.000000 s, 54 bytes
                  02:00:00:00:00:fe > 02:00:00:00:00:01 198.51.100.7:5555 > 192.0.2.1:80 TCP [S] seq 1 win 65535 len 40 ttl 64 id 0 DF
                  comes in    by eth0, where the host's route to 198.51.100.7 leads
                  connection  none known for TCP 198.51.100.7:5555 > 192.0.2.1:80
                  service     TCP 192.0.2.1:80, by address and port
                  scheduler   rr, 1 candidate
                                > 10.0.0.2:80: next in the circle (weight 1, 0 active, 0 inactive)
                  connection  made: TCP 198.51.100.7:5555 > 192.0.2.1:80 > 10.0.0.2:80, direct routing, NONE
                  state       NONE -> SYN_RECV, expires in 60 s
                  way         direct routing to 10.0.0.2: on eth1, a neighbour at 02:00:00:00:00:22
                  length      40 bytes, the way carries 1500
                  emitted     on eth1, 54 bytes
                                02:00:00:00:01:01 > 02:00:00:00:00:22 198.51.100.7:5555 > 192.0.2.1:80 TCP [S] seq 1 win 65535 len 40 ttl 63 id 0 DF
                                  Ethernet destination: 02:00:00:00:00:01 -> 02:00:00:00:00:22
                                  Ethernet source: 02:00:00:00:00:fe -> 02:00:00:00:01:01
                                  IPv4 ttl: 64 -> 63
                  verdict     sent, direct-routing: sent to the real server's MAC, the packet otherwise unchanged but for its TTL

                """)
    }

    @Test(arguments: [
        ("tcp 198.51.100.7:5555 > 192.0.2.1:80 ACK", "connection  known, request: TCP 198.51.100.7:5555 > 192.0.2.1:80 > 10.0.0.2:80"),
        ("tcp 198.51.100.7:5556 > 192.0.2.1:80 ACK", "a TCP segment without SYN [A] opens no connection (sloppy_tcp is 0)"),
        ("tcp 198.51.100.7:5556 > 192.0.2.1:81 SYN", "TCP 192.0.2.1:80: the packet is for port 81"),
        ("udp 198.51.100.7:5556 > 192.0.2.1:80", "TCP 192.0.2.1:80: it takes TCP, the packet is UDP"),
        ("tcp 198.51.100.7:5555 > 192.0.2.1:80 ACK ttl 1", "verdict     dropped, time-exceeded"),
        ("icmp 10.9.9.9 > 192.0.2.1 port-unreachable [tcp 192.0.2.1:80 > 198.51.100.7:5555 ACK]", "verdict     sent, icmp-to-server"),
    ])
    func whatIsDecidedIsSaid(_ words: String, _ said: String) throws {
        let told = try Self.explained(words, behind: [Arriving.tcp(.syn)])
        #expect(told.text.contains(said), "\(told.text)")
    }

    /// The interface is the one that the route to the source names, not the first there is; else it has to be named.
    @Test(arguments: [
        ("tcp 10.0.0.9:5555 > 192.0.2.1:80 SYN", "eth1", "by eth1, where the host's route to 10.0.0.9 leads", nil),
        ("tcp 198.51.100.7:5555 > 192.0.2.1:80 SYN in eth1", "eth1", "by eth1, as the packet's words say", nil),
        (
            "tcp 192.0.2.1:5555 > 192.0.2.1:80 SYN", "eth0", "by eth0, the first interface: no route leads to 192.0.2.1",
            "no route of the host leads to 192.0.2.1: say which interface the packet comes in by (in eth0)"
        ),
        (
            "tcp [2001:db8::7]:5555 > [2001:db8::1]:80 SYN", "eth0", "by eth0, the first interface: no route leads to 2001:db8::7",
            "no route of the host leads to 2001:db8::7: say which interface the packet comes in by (in eth0)"
        ),
    ])
    func whereAPacketComesIn(_ text: String, _ interface: String, _ said: String, _ refusal: String?) throws {
        let told = try Self.explained(text)
        #expect(told.text.hasPrefix("frame 0 on \(interface) ") && told.text.contains("  comes in    \(said)\n"), "\(told.text)")
        let network = try NetworkFile(CaseFolder.network, file: "network").network, words = try PacketWords(text)
        var complaint: String?
        do throws(PacketWords.WordsProblem) { try words.checkIngress(of: network, interfaces: ["eth0", "eth1"]) } catch {
            complaint = error.text
        }
        #expect(complaint == refusal)
    }

    @Test func aLiveDirectorSeesItsInterfacesOnly() throws {
        let network = try NetworkFile(CaseFolder.network, file: "network").network
        let routed = #expect(throws: PacketWords.WordsProblem.self) {
            try PacketWords("tcp 10.0.0.9:5555 > 192.0.2.1:80 SYN").checkIngress(of: network, interfaces: ["eth0"])
        }
        #expect(routed?.text == "it comes in by eth1, where the host's route to 10.0.0.9 leads, and this director takes frames from eth0")
        let named = #expect(throws: PacketWords.WordsProblem.self) {
            try PacketWords("tcp 10.0.0.9:5555 > 192.0.2.1:80 SYN in eth1").checkIngress(of: network, interfaces: ["eth0"])
        }
        #expect(named?.text == "it comes in by eth1 and this director takes frames from eth0")
    }

    @Test func whatTheHostItselfSends() throws {
        let network = try NetworkFile(CaseFolder.network, file: "network").network
        let words = try PacketWords("tcp 10.0.0.1:5555 > 192.0.2.1:80 SYN in lo")
        try words.checkIngress(of: network, interfaces: ["eth0"])
        let told = try Self.explained("tcp 10.0.0.1:5555 > 192.0.2.1:80 SYN in lo")
        #expect(
            told.text.hasPrefix("frame 0 on the host itself ") && told.text.contains("  comes in    by lo, as the packet's words say\n"))
        #expect(told.text.contains("on eth1, "), "\(told.text)")
        #expect(throws: FileError.self) {
            try PacketScript("tcp 10.0.0.1:5555 > 192.0.2.1:80 SYN in lo", file: "packets").write(arrivingAt: network, to: [])
        }
    }

    @Test func aLengthThatDoesNotFit() throws {
        let narrow = CaseFolder.network.replacingOccurrences(of: "00:01:01 mtu 1500", with: "00:01:01 mtu 1400")
        let told = try Self.explained("tcp 198.51.100.7:5555 > 192.0.2.1:80 SYN len 1401", ["network": narrow])
        #expect(told.text.contains("length      1401 bytes, more than the 1400 that the way carries, and DF is set"), "\(told.text)")
        #expect(told.outcome.verdict == .fragmentationNeeded)
    }

    /// Explaining must not change what happens.
    @Test func explainedFramesGoWhereOthersGo() throws {
        let frames = [
            Arriving.tcp(.syn), Arriving.tcp(.ack), Arriving.tcp(.ack, port: 9), Arriving.tcp(.syn, ttl: 1), Arriving.tcp([.fin, .ack]),
        ]
        let folder = try CaseFolder(frames: frames)
        func emitted(explaining: Bool) throws -> ([[UInt8]], [Verdict]) {
            var replay = try Replayer(CaseFiles(folder: folder.path))
            replay.explains = explaining
            var bytes: [[UInt8]] = [], verdicts: [Verdict] = []
            while let outcome = try replay.step({ bytes.append($0.frame) }) {
                verdicts.append(outcome.verdict)
                #expect((outcome.explanation != nil) == explaining)
            }
            return (bytes, verdicts)
        }
        let told = try emitted(explaining: true), silent = try emitted(explaining: false)
        #expect(told.0 == silent.0)
        #expect(told.1 == silent.1)
    }

    @Test(arguments: [
        ("", "a protocol (tcp, udp, sctp or icmp) is missing"),
        ("tcp 1.2.3.4:5 < 1.2.3.4:6", "expected '>' between source and destination"),
        ("tcp 1.2.3.4 > 1.2.3.4:6", "tcp needs ports: ADDRESS:PORT > ADDRESS:PORT"),
        ("tcp 1.2.3.4:5 > [::1]:6", "1.2.3.4 and ::1 are of two families"),
        ("tcp 1.2.3.4:70000 > 1.2.3.4:6", "1.2.3.4:70000: the port is a number from 0 to 65535"),
        ("udp 1.2.3.4:5 > 1.2.3.4:6 len 27", "len 27: 28 to 65535 are possible"),
        ("icmp 1.2.3.4 > 1.2.3.5 time-exceeded", "an ICMP error quotes a packet: [tcp ADDRESS:PORT > ADDRESS:PORT]"),
    ])
    func unclearWordsAreNamed(_ words: String, _ complaint: String) {
        do {
            _ = try PacketWords(words)
            Issue.record("understood")
        } catch { #expect(error.description == "the packet in words: " + complaint) }
    }

    @Test(arguments: [
        ("icmp 1.2.3.4 > 1.2.3.5 13/0", 13, 0), ("icmp 1.2.3.4 > 1.2.3.5 8", 8, 0),
        ("icmp 1.2.3.4 > 1.2.3.5 3/13 [udp 1.2.3.5:1 > 1.2.3.4:2]", 3, 13), ("icmp ::1 > ::2 128/7", 128, 7),
    ])
    func messagesGoByNumber(_ words: String, _ type: UInt8, _ code: UInt8) throws {
        let message = try PacketWords(words).icmp
        #expect(message.type == type && message.code == code)
    }

    @Test func aMessageNumberOutOfRangeIsNamed() throws {
        let error = try #require(throws: PacketWords.WordsProblem.self) { try PacketWords("icmp 1.2.3.4 > 1.2.3.5 3/256") }
        #expect(error.text == "3/256: an ICMP message in numbers is TYPE/CODE, each from 0 to 255")
    }

    private struct Names: NameResolver {
        func address(ofHost name: String) -> IPAddress? { name == "www.example" ? IPAddress("192.0.2.1") : nil }
        func port(ofService name: String, proto: UInt8) -> UInt16? {
            name == "http" && proto == IPProtocol.tcp ? 80 : name == "domain" && proto == IPProtocol.udp ? 53 : nil
        }
        func hostName(of address: IPAddress) -> String? { nil }
        func serviceName(ofPort port: UInt16, proto: UInt8) -> String? { nil }
    }

    @Test(arguments: [
        ("tcp 1.2.3.4:5 > www.example:http SYN len 40", "tcp 1.2.3.4:5 > 192.0.2.1:80 SYN len 40"),
        ("udp [fd00::1]:5 > [fd00::2]:domain", "udp [fd00::1]:5 > [fd00::2]:53"),
        (
            "icmp 10.0.0.2 > www.example 3/3 [tcp www.example:http > 1.2.3.4:5]",
            "icmp 10.0.0.2 > 192.0.2.1 3/3 [tcp 192.0.2.1:80 > 1.2.3.4:5]"
        ),
        ("tcp 1.2.3.4:5 > nosuch:domain", "tcp 1.2.3.4:5 > nosuch:domain"), ("hello", "hello"),
    ])
    func namesBecomeNumbers(_ words: String, _ numeric: String) {
        #expect(PacketNames.numeric(words, names: Names()) == numeric)
    }

    @Test func answersAreNumbered() throws {
        let told = try Self.explained("tcp 198.51.100.7:5555 > 192.0.2.1:80 SYN")
        #expect(ExplainedFrame.numbered(told.text, 3).hasPrefix("frame 3 on eth0"))
        #expect(ExplainedFrame.numbered(told.json, 3).contains(#""frame":3,"#))
        #expect(ExplainedFrame.numbered(told.text, 0) == told.text)
    }

    /// A service that would take the packet, were its address there.
    @Test func aServiceWithoutItsAddressIsNamedWithTheReason() throws {
        let network = CaseFolder.network.split(separator: "\n").filter { !$0.contains("192.0.2.1/32") }.joined(separator: "\n")
        let told = try Self.explained("tcp 198.51.100.7:5555 > 192.0.2.1:80 SYN", ["network": network])
        #expect(told.text.contains("TCP 192.0.2.1:80: 192.0.2.1 is no address of the host"), "\(told.text)")
    }

    @Test func programsGetOneObjectALine() throws {
        let told = try Self.explained("tcp 198.51.100.7:5555 > 192.0.2.1:80 SYN").json
        #expect(!told.contains("\n"))
        for part in [#""reason":"direct-routing""#, #""service":"TCP 192.0.2.1:80""#, #""step":"scheduler""#, #""verdict":"sent""#] {
            #expect(told.contains(part), "\(told)")
        }
    }

    @Test func emittedFramesAreCommentedInPcapNG() throws {
        let folder = try CaseFolder(frames: [Arriving.tcp(.syn), Arriving.tcp(.syn, ttl: 1)])
        var replay = try Replayer(CaseFiles(folder: folder.path))
        let writer = EmissionWriter(stamp: .index), network = replay.scenario.network
        for name in ["eth0", "eth1"] {
            let index = try #require(network.interface(named: name)?.index)
            try writer.open(folder.path + "/\(name).pcapng", for: index, name: name)
        }
        var emissions: [Replayer.Emission] = []
        while let outcome = try replay.step({ emissions.append($0) }) {
            for emission in emissions { try writer.write(emission, comment: outcome.comment(on: emission, network)) }
            emissions.removeAll()
        }
        try writer.close()
        #expect(try Captured.frames(folder.path + "/eth1.pcapng") == [Arriving.forwarded(.syn)])
        #expect(
            folder.text("eth1.pcapng").contains(
                "direct-routing, service TCP 192.0.2.1:80, server 10.0.0.2:80\ninput frame 0 on eth0: 02:00:00:00:00:fe > "))
        #expect(try Captured.frames(folder.path + "/eth0.pcapng").count == 1)
        #expect(folder.text("eth0.pcapng").contains("time-exceeded, service TCP 192.0.2.1:80, server 10.0.0.2:80\ninput frame 1 on eth0: "))
    }
}
