import Admin
import Foundation
import Links
import Replay
import Testing
import Wire

/// Captures written in words.
@Suite struct PacketScriptTests {
    @Test func timesFollowEachOther() throws {
        let script = try PacketScript(
            """
            # a client
            tcp 198.51.100.7:5555 > 192.0.2.1:80 SYN
            +10ms tcp 198.51.100.7:5555 > 192.0.2.1:80 ACK   # after its handshake

              tcp 198.51.100.7:5555 > 192.0.2.1:80 PSH,ACK len 100
            +1.5s  udp 198.51.100.7:5555 > 192.0.2.1:53
            +200us udp 198.51.100.7:5555 > 192.0.2.1:53
            @2000.000001 udp 198.51.100.7:5555 > 192.0.2.1:53
            +0s udp 198.51.100.7:5555 > 192.0.2.1:53
            """, file: "packets")
        #expect(script.packets.map(\.line) == [2, 3, 5, 6, 7, 8, 9])
        #expect(
            script.packets.map(\.time) == [
                1_000_000_000, 1_000_010_000, 1_000_011_000, 1_001_511_000, 1_001_511_200, 2_000_000_001, 2_000_000_001,
            ])
    }

    @Test(arguments: [
        ("", "packets: no packet: expected lines such as +10ms tcp ADDRESS:PORT > ADDRESS:PORT SYN"),
        ("\n\n  +10 udp 1.2.3.4:5 > 1.2.3.4:6", "packets:3:3: +10: expected a time such as +10ms, +1.5s or +200us, to the microsecond"),
        ("+0.1us udp 1.2.3.4:5 > 1.2.3.4:6", "packets:1:1: +0.1us: expected a time such as +10ms, +1.5s or +200us, to the microsecond"),
        ("@9z udp 1.2.3.4:5 > 1.2.3.4:6", "packets:1:1: @9z: expected @SECONDS, to the microsecond"),
        ("@4294967296 udp 1.2.3.4:5 > 1.2.3.4:6", "packets:1:1: @4294967296: expected @SECONDS, to the microsecond"),
        ("@9 udp 1.2.3.4:5 > 1.2.3.4:6\n@8 udp 1.2.3.4:5 > 1.2.3.4:6", "packets:2:1: @8: earlier than the packet above"),
        (
            "@4294967295 udp 1.2.3.4:5 > 1.2.3.4:6\n+1s udp 1.2.3.4:5 > 1.2.3.4:6",
            "packets:2:1: +1s: a capture's clock ends at 4294967295 s"
        ),
        ("+1s", "packets:1:4: a protocol (tcp, udp, sctp or icmp) is missing"),
        ("+1s tcp 1.2.3.4:5 > 1.2.3.4:70000 SYN", "packets:1:21: 1.2.3.4:70000: the port is a number from 0 to 65535"),
        (
            "tcp 1.2.3.4:5 > 1.2.3.4:6 SYM",
            "packets:1:27: SYM: neither a TCP flag (FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, NONE) nor len, ttl, tos, id, df, nodf or in"
        ),
        ("tcp 1.2.3.4:5 > 1.2.3.4:6 len 9", "packets:1: len 9: 40 to 65535 are possible"),
        ("\ticmp 1.2.3.4 > 1.2.3.5 time-exceeded [tcp 1.2.3.5:6 > 1.2.3.4]", "packets:1:56: tcp needs ports: ADDRESS:PORT > ADDRESS:PORT"),
        ("icmp 1.2.3.4 > 1.2.3.5 time-exceeded [tcp 1.2.3.5:6", "packets:1:38: a quoted packet stands in [ ]"),
    ])
    func whatIsWrongHasAPlace(_ text: String, _ complaint: String) throws {
        let error = try #require(throws: FileError.self) { try PacketScript(text, file: "packets") }
        #expect(error.description == complaint)
    }

    @Test func allThatIsWrongIsNamedAtOnce() throws {
        let text = "+x udp 1.2.3.4:5 > 1.2.3.4:6\nudp 1.2.3.4:5 > 1.2.3.4:6\n@9 tcp 1.2.3.4:5 > 1.2.3.4:6\nquic\n"
        let error = try #require(throws: FileError.self) { try PacketScript(text, file: "packets") }
        #expect(
            error.description.split(separator: "\n").map { $0.prefix { $0 != " " } } == ["packets:1:1:", "packets:3:1:", "packets:4:1:"],
            "\(error)")
    }

    /// As routers do: an error is never longer than 576 bytes, in IPv6 1280, whatever it quotes.
    @Test(arguments: [
        ("icmp 198.51.100.7 > 192.0.2.1 time-exceeded [udp 192.0.2.1:80 > 198.51.100.7:5555 len 1500]", 576),
        ("icmp 2001:db8::7 > 2001:db8::1 time-exceeded [udp [2001:db8::1]:80 > [2001:db8::7]:5555 len 1500]", 1280),
        ("icmp 198.51.100.7 > 192.0.2.1 time-exceeded [udp 192.0.2.1:80 > 198.51.100.7:5555]", 56),
    ])
    func quotesAreCut(_ words: String, _ length: Int) throws {
        let network = try NetworkFile(CaseFolder.network, file: "network").network
        #expect(try PacketWords(words).frame(arrivingAt: network).bytes.count == 14 + length)
    }

    private static let words = """
        tcp 198.51.100.7:5555 > 192.0.2.1:80 SYN
        +10ms tcp 198.51.100.7:5555 > 192.0.2.1:80 ACK

        """

    @Test func aCaseIsMadeFromItsWords() throws {
        let folder = try CaseFolder(["packets": Self.words, "verdicts": "direct-routing\ndirect-routing\n"])
        let network = try NetworkFile(CaseFolder.network, file: "network").network
        let path = folder.path + "/packets"
        #expect(try PacketScript(Self.words, file: path).writeCase(folder.path, arrivingAt: network) == ["in.pcap"])
        #expect(try PcapReader(path: folder.path + "/in.pcap").allTimes() == [1_000_000_000_000, 1_000_010_000_000])
        #expect(CaseVerifier().verify(folder.path).outcome == .passed)

        let more = try PacketScript(Self.words + "udp 10.0.0.2:53 > 192.0.2.1:5555\n", file: path)
        #expect(try more.writeCase(folder.path, arrivingAt: network) == ["in.pcap", "in.eth1.pcap"])
        #expect(try Captured.frames(folder.path + "/in.eth1.pcap").count == 1)
        let error = try #require(throws: FileError.self) {
            try PacketScript(Self.words, file: path).writeCase(folder.path, arrivingAt: network)
        }
        #expect(error.description == "\(folder.path)/in.eth1.pcap: holds frames that \(path) does not; remove one of the two")
    }

    @Test func nothingIsWrittenUnlessAllIsUnderstood() throws {
        let folder = try CaseFolder(frames: [Arriving.tcp(.syn)])
        let network = try NetworkFile(CaseFolder.network, file: "network").network
        let script = try PacketScript(Self.words + "udp 10.0.0.2:53 > 192.0.2.1:5555\n", file: "words")
        let capture = CaseFiles.Capture(interface: nil, path: folder.path + "/in.pcap")
        let homeless = try #require(throws: FileError.self) { try script.write(arrivingAt: network, to: [capture]) }
        #expect(homeless.description == "words:3: comes in by eth1, for which there is no file (--out eth1=FILE)")
        let lost = try PacketScript("udp 198.51.100.7:5555 > 192.0.2.1:53 in eth7", file: "words")
        let unknown = try #require(throws: FileError.self) { try lost.write(arrivingAt: network, to: [capture]) }
        #expect(unknown.description == "words:1: in eth7: the director has no such Ethernet interface")
        #expect(try Captured.frames(capture.path) == [Arriving.tcp(.syn)])
    }

    @Test func filesThatAreReadAreNotWritten() throws {
        let folder = try CaseFolder()
        let words = folder.path + "/services", other = folder.path + "/./services"
        let error = try #require(throws: FileError.self) { try OutputFile.refuse(other, among: [words]) }
        #expect(error.description == "\(other): is read as \(words): writing to it would destroy what it holds")
        try OutputFile.refuse(folder.path + "/new", among: [words])
        try OutputFile.refuse("/dev/null", among: ["/dev/null"])
    }
}

extension PcapReader {
    fileprivate func allTimes() throws -> [UInt64] {
        var times: [UInt64] = []
        while let (record, _) = try next() { times.append(record.time) }
        return times
    }
}
