import Glibc
import Host
import LVS
import Testing
import Wire

@Suite(.serialized, .enabled(if: isRoot))
struct AnnouncerTests {
    static let request: [UInt8] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 0x77, 0x08, 0x06,  // everyone, from the MAC, ARP
        0, 1, 8, 0, 6, 4, 0, 1,  // Ethernet, IPv4, request
        0x02, 0, 0, 0, 0, 0x77, 10, 7, 0, 50,  // sender
        0, 0, 0, 0, 0, 0, 10, 7, 0, 50,  // target
    ]
    static let reply: [UInt8] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0, 0, 0x77, 0x08, 0x06,
        0, 1, 8, 0, 6, 4, 0, 2,
        0x02, 0, 0, 0, 0, 0x77, 10, 7, 0, 50,
        0x02, 0, 0, 0, 0, 0x77, 10, 7, 0, 50,
    ]
    static let advertisement: [UInt8] = [
        0x33, 0x33, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 0x77, 0x86, 0xdd,
        0x60, 0, 0, 0, 0, 32, 58, 255,  // 32 bytes of ICMPv6, hop limit 255
        0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x50,  // from the address
        0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,  // to all nodes
        136, 0, 0xf8, 0x16, 0x20, 0, 0, 0,  // neighbour advertisement, override
        0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x50,  // of the address
        2, 1, 0x02, 0, 0, 0, 0, 0x77,  // target link-layer address
    ]

    @Test func bytesOnTheWire() throws {
        try inNamespace {
            let peer = try Peer(device: "eth7")
            let tap = try peer.run { try Wiretap(on: "eth7") }
            let mac = MACAddress(bits: 0x0200_0000_0077)
            let announcer = Announcer(repeats: 2, interval: 1000)
            announcer.announce(
                [try #require(IPAddress("10.7.0.50")), try #require(IPAddress("2001:db8::50"))], on: "eth7", mac: mac, at: 500)
            #expect(announcer.advance(to: 400) == 500)
            #expect(announcer.advance(to: 500) == 1500)
            #expect(announcer.advance(to: 1499) == 1500)
            #expect(announcer.advance(to: 1600) == nil)
            let frames = tap.frames(6) { $0[6...11] == [0x02, 0, 0, 0, 0, 0x77] }
            let once = [Self.request, Self.reply, Self.advertisement]
            #expect(frames == once + once)
            #expect(announcer.sent == 6 && announcer.failed == 0)
        }
    }

    /// The neighbour believes it: its entry changes.
    @Test(arguments: ["10.7.0.50", "2001:db8::50"])
    func neighborsBelieveIt(_ text: String) throws {
        let address = try #require(IPAddress(text))
        try inNamespace {
            let peer = try Peer(device: "eth7")
            try peer.run {
                try shell(
                    "ip addr add 10.7.0.9/24 dev eth7", "ip -6 addr add 2001:db8::9/64 dev eth7 nodad",
                    "ip neigh add \(text) lladdr 02:00:00:00:00:66 dev eth7 nud stale")
            }
            let announcer = Announcer()
            announcer.announce([address], on: "eth7", mac: MACAddress(bits: 0x0200_0000_0077), isRouter: true, at: 0)
            _ = announcer.advance(to: 0)
            let believed = try wait { try peer.run { try output(of: "ip neigh show dev eth7").contains("02:00:00:00:00:77") } }
            #expect(believed, "\(String(describing: announcer.lastFailure))")
        }
    }

    @Test func anInterfaceThatIsNotThere() throws {
        try inNamespace {
            let announcer = Announcer(repeats: 1)
            announcer.announce([IPAddress(v4: 1)], on: "nowhere", mac: .zero, at: 0)
            #expect(announcer.advance(to: 0) == nil)
            #expect(announcer.failed == 1)
            #expect(announcer.lastFailure?.what == "announce on nowhere")
            // A link made anew under the same name is found again.
            for _ in 0..<2 {
                let peer = try Peer(device: "eth7")
                let before = announcer.sent
                let tap = try peer.run { try Wiretap(on: "eth7") }
                var now: Instant = 0
                for _ in 0..<2 {
                    announcer.announce([IPAddress(v4: 0x0a07_0032)], on: "eth7", mac: MACAddress(bits: 0x0200_0000_0077), at: now)
                    _ = announcer.advance(to: now)
                    now += 1
                }
                #expect(announcer.sent > before)
                #expect(!tap.frames(1) { $0 == Self.request }.isEmpty)
                try shell("ip link del eth7")
            }
        }
    }
}
