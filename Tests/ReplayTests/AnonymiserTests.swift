import Admin
import LVS
import PacketKit
import Replay
import Testing
import Wire

@Suite struct AnonymiserTests {
    private static func common(_ a: IPAddress, _ b: IPAddress) -> Int {
        a.isV4
            ? (a.v4 ^ b.v4).leadingZeroBitCount
            : a.high != b.high ? (a.high ^ b.high).leadingZeroBitCount : 64 + (a.low ^ b.low).leadingZeroBitCount
    }

    @Test func commonPrefixesStayAsLongAsTheyWere() {
        let anonymiser = Anonymiser(seed: 7)
        let addresses = [
            "10.0.0.1", "10.0.0.2", "10.0.1.1", "10.128.0.1", "192.0.2.1", "192.0.2.255", "198.51.100.7",
            "2001:db8::1", "2001:db8::2", "2001:db8:1::1", "2a00::1", "fe80::1", "fe80::2",
        ].map { IPAddress($0)! }
        for a in addresses {
            #expect(anonymiser.address(a) != a)
            for b in addresses where a.isV4 == b.isV4 {
                #expect(Self.common(anonymiser.address(a), anonymiser.address(b)) == Self.common(a, b))
            }
        }
    }

    @Test(arguments: ["127.0.0.1", "0.0.0.51", "224.0.0.18", "255.255.255.255", "::", "::1", "ff02::1"])
    func someAddressesStay(_ text: String) {
        #expect("\(Anonymiser(seed: 1).address(IPAddress(text)!))" == text)
    }

    @Test func aSeedDecides() {
        let address = IPAddress("198.51.100.7")!
        #expect(Anonymiser(seed: 1).address(address) == Anonymiser(seed: 1).address(address))
        #expect(Anonymiser(seed: 1).address(address) != Anonymiser(seed: 2).address(address))
    }

    @Test func textsKeepTheirForm() throws {
        let anonymiser = Anonymiser(seed: 7)
        func mapped(_ text: String) -> String { "\(anonymiser.address(IPAddress(text)!))" }
        let network = IPAddress(v4: anonymiser.address(IPAddress("198.51.100.0")!).v4 & 0xffff_ff00)
        let services =
            "-A -t 192.0.2.1:80 -s rr -p 300 -M 255.255.255.0\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g\n-A -u [2001:db8::1]:53 -s rr\n"
        try anonymiser.read(ServicesFile(services, name: "services", names: SystemNames()).rules)
        #expect(
            anonymiser.text(services, of: "services") == """
                -A -t \(mapped("192.0.2.1")):80 -s rr -p 300 -M 255.255.255.0
                -a -t \(mapped("192.0.2.1")):80 -r \(mapped("10.0.0.2")):80 -g
                -A -u [\(mapped("2001:db8::1"))]:53 -s rr

                """)
        #expect(
            anonymiser.text("-A PREROUTING -s 198.51.100.0/24 -d 192.0.2.1/32 -j MARK --set-xmark 0x1/0xffffffff", of: "marks")
                == "-A PREROUTING -s \(network)/24 -d \(mapped("192.0.2.1"))/32 -j MARK --set-xmark 0x1/0xffffffff")
        #expect(
            anonymiser.text(
                "template tcp 198.51.100.0:0 192.0.2.1:80 10.0.0.2:80 NONE expires 9 method route engine sip data 6162 of -t 192.0.2.1:80 -r 10.0.0.2:80",
                of: "connections")
                == "template tcp \(network):0 \(mapped("192.0.2.1")):80 \(mapped("10.0.0.2")):80 NONE expires 9 method route engine sip data 0000 of -t \(mapped("192.0.2.1")):80 -r \(mapped("10.0.0.2")):80"
        )
        let line = anonymiser.text("link set dev eth0 address 02:00:00:00:00:01 mtu 1500", of: "network")
        #expect(line != "link set dev eth0 address 02:00:00:00:00:01 mtu 1500")
        #expect(line.hasPrefix("link set dev eth0 address ") && line.hasSuffix(" mtu 1500"))
    }

    @Test func aRangeThatIsNoNetworkIsRefused() throws {
        let rules = try ServicesFile("-A -t 192.0.2.1:80 -s rr --local-address 10.0.0.7-10.0.0.9\n", name: "services", names: SystemNames())
            .rules
        #expect(throws: FileError.self) { try Anonymiser(seed: 1).read(rules) }
        let whole = try ServicesFile(
            "-A -t 192.0.2.1:80 -s rr --local-address 10.0.0.8-10.0.0.11\n", name: "services", names: SystemNames()
        ).rules
        let anonymiser = Anonymiser(seed: 1)
        try anonymiser.read(whole)
        let base = anonymiser.address(IPAddress("10.0.0.8")!).v4 & ~3
        #expect(
            anonymiser.text("--local-address 10.0.0.8-10.0.0.11", of: "services")
                == "--local-address \(IPAddress(v4: base))-\(IPAddress(v4: base + 3))")
    }

    private static let samples: [[UInt8]] = {
        let client = Endpoint(IPAddress("198.51.100.7")!, 5555), client6 = Endpoint(IPAddress("2001:db8::7")!, 5555)
        let tcp = Packet.tcp(from: client, to: "192.0.2.1:80", flags: .ack, payload: Array("secret word".utf8))
        let tcp6 = Packet.tcp(from: client6, to: "[2001:db8::1]:80", flags: .ack, payload: Array("secret word".utf8))
        let udp = Packet.udp(from: client, to: "192.0.2.1:53", payload: Array("secret word".utf8))
        return [tcp, tcp6, udp].map { $0.ethernet(from: "02:00:00:00:00:fe", to: "02:00:00:00:00:01") }
    }()

    @Test(arguments: samples.indices)
    func framesKeepTheirFormAndTheirChecksums(_ sample: Int) {
        let frame = Self.samples[sample]
        var mapped = frame
        let anonymiser = Anonymiser(seed: 5)
        anonymiser.map(&mapped)
        #expect(mapped.count == frame.count)
        #expect(!String(decoding: mapped, as: UTF8.self).contains("secret"))
        func fields(_ frame: [UInt8]) -> [PacketDescription.Field] {
            var frame = frame
            return frame.withBytes { PacketDescription.fields(of: $0, guePorts: []) }
        }
        for (before, after) in zip(fields(frame), fields(mapped)) {
            #expect(before.name == after.name)
            if before.name == "checksum" { #expect(after.value == "valid") }
            if before.header.hasPrefix("IP"), before.name == "source" || before.name == "destination", let address = IPAddress(before.value)
            {
                #expect(after.value == "\(anonymiser.address(address))")
            }
        }
        // A wrong checksum stays wrong.
        var wrong = frame
        wrong[frame.count - 1] ^= 1
        anonymiser.map(&wrong)
        #expect(fields(wrong).contains { $0.name == "checksum" && $0.value != "valid" })
    }

    @Test func nothingThatArrivesDoesHarm() {
        let anonymiser = Anonymiser(seed: 5)
        var state: UInt64 = 1
        func random() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        for round in 0..<20_000 {
            var frame =
                round & 1 == 0
                ? Self.samples[Int(random()) % Self.samples.count]
                : (0..<Int(random() % 200)).map { _ in UInt8(truncatingIfNeeded: random()) }
            if round & 1 == 1, frame.count > 14 {
                (frame[12], frame[13]) = random() & 1 == 0 ? (8, 0) : (0x86, 0xdd);
                if frame.count > 15 { frame[14] = frame[12] == 8 ? 0x45 : 0x60 }
            }
            for _ in 0..<Int(random() % 6) where !frame.isEmpty { frame[Int(random()) % frame.count] = UInt8(truncatingIfNeeded: random()) }
            frame = Array(frame.prefix(Int(random()) % (frame.count + 1)))
            let count = frame.count
            anonymiser.map(&frame, isPartial: random() & 7 == 0)
            #expect(frame.count == count)
        }
    }
}
