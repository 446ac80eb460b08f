import Glibc
import Host
import LVS
import Links
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
            let link = try SendingLink(on: "eth7")
            announcer.announce(
                [try #require(IPAddress("10.7.0.50")), try #require(IPAddress("2001:db8::50"))], on: link.interface, mac: mac, at: 500)
            for (now, due) in [(400, 500), (500, 1500), (1499, 1500), (1600, nil)] as [(Instant, Instant?)] {
                try announcer.send(through: link, at: now)
                #expect(announcer.due == due)
            }
            let frames = tap.frames(6) { $0[6...11] == [0x02, 0, 0, 0, 0, 0x77] }
            let once = [Self.request, Self.reply, Self.advertisement]
            #expect(frames == once + once)
            #expect(link.counters.sent == 6 && link.counters.refused == 0)
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
            let link = try SendingLink(on: "eth7")
            announcer.announce([address], on: link.interface, mac: MACAddress(bits: 0x0200_0000_0077), isRouter: true, at: 0)
            try announcer.send(through: link, at: 0)
            #expect(try wait { try peer.run { try output(of: "ip neigh show dev eth7").contains("02:00:00:00:00:77") } })
        }
    }

    /// Thousands of addresses go out in order, a part at a time, and none twice.
    @Test func manyAddressesAreAnnouncedInTurn() throws {
        let announcer = Announcer(repeats: 1)
        let addresses = (0..<1000).map { IPAddress(v4: 0x0a07_0000 + UInt32($0)) }
        announcer.announce(addresses, on: 7, mac: MACAddress(bits: 0x0200_0000_0077), at: 5)
        var batch = Batch(capacity: Announcer.frames)
        var seen: [IPAddress] = []
        while announcer.due == 5 {
            batch.removeAll()
            announcer.advance(to: 5, into: &batch)
            for index in 0..<batch.count {
                let packet = try #require(ARPPacket(batch[index].bytes.dropFirst(14)))
                #expect(batch[index].egress == 7 && packet.sender == packet.target)
                if packet.operation == .request { seen.append(packet.sender) }
            }
        }
        #expect(announcer.due == nil && seen == addresses)
    }

    @Test func whatIsWithdrawnIsNotAnnounced() {
        let announcer = Announcer(repeats: 3, interval: 10)
        announcer.announce([IPAddress(v4: 1), IPAddress(v4: 2)], on: 7, mac: .zero, at: 0)
        announcer.withdraw([IPAddress(v4: 1)], on: 7)
        var batch = Batch(capacity: Announcer.frames)
        announcer.advance(to: 0, into: &batch)
        #expect(batch.count == 2 && announcer.due == 10)
        announcer.withdraw([IPAddress(v4: 2)], on: 7)
        #expect(announcer.due == nil)
    }
}

extension Announcer {
    /// Sends what is due.
    fileprivate func send(through link: SendingLink, at now: Instant) throws {
        var batch = Batch(capacity: Announcer.frames)
        advance(to: now, into: &batch)
        try link.transmit(batch)
    }
}
