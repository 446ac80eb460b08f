import PacketKit
import Wire

import enum PacketKit.Packet

/// Frames of every kind that a director meets, sound as they stand here.
enum Frames {
    static let own = "02:00:00:00:00:01", others = "02:00:00:00:00:99"
    static let virtual = ["203.0.113.10", "[2001:db8:f::10]"]
    static let servers = ["10.2.0.11", "[fd00:2::11]"]
    static let clients = ["198.51.100.7", "198.51.100.8", "[2001:db8:c::7]"]

    static let all: [[UInt8]] = packets.map { $0.ethernet(from: others, to: own) } + links

    private static let links: [[UInt8]] = [
        Packet.arp(request: true, senderMAC: others, sender: "10.2.0.254", target: "203.0.113.10"),
        Packet.arp(request: false, senderMAC: others, sender: "10.2.0.11", targetMAC: own, target: "10.2.0.1"),
        packets[0].ethernet(from: others, to: own).vlan(5),
        packets[0].ethernet(from: others, to: "02:00:00:00:00:77"),
        packets[0].ethernet(from: others, to: "ff:ff:ff:ff:ff:ff"),
    ]

    private static let packets: [[UInt8]] = {
        var all: [[UInt8]] = []
        for client in clients {
            let six = client.hasPrefix("[") ? 1 : 0, virtual = virtual[six], server = servers[six]
            for port in [80, 21, 5060] {
                let from = Endpoint("\(client):4000"), to = Endpoint("\(virtual):\(port)"), back = Endpoint("\(server):\(port)")
                all += [
                    Packet.tcp(from: from, to: to, flags: .syn, options: TCPOption.mss(1460)),
                    Packet.tcp(from: from, to: to, flags: .ack), Packet.tcp(from: from, to: to, flags: [.fin, .ack]),
                    Packet.tcp(from: from, to: to, flags: .rst),
                    Packet.tcp(from: from, to: to, flags: [.ack, .psh], payload: [UInt8](repeating: 0x61, count: 600)),
                    Packet.tcp(from: back, to: from, flags: [.syn, .ack]),
                    Packet.tcp(from: back, to: from, flags: .ack, payload: [1, 2, 3]),
                    Packet.udp(from: from, to: to, payload: Array("OPTIONS sip:a SIP/2.0\r\nCall-ID: 4711\r\n\r\n".utf8)),
                    Packet.udp(from: back, to: from, payload: [1]),
                    Packet.sctp(from: from, to: to, chunks: [.initiation()]), Packet.sctp(from: from, to: to, chunks: [.data(), .sack()]),
                    Packet.sctp(from: back, to: from, chunks: [.initiationAck()]), Packet.sctp(from: from, to: to, chunks: [.shutdown()]),
                ]
            }
            let long = Packet.udp(from: Endpoint("\(client):4001"), to: Endpoint("\(virtual):80"), payload: [UInt8](0..<200))
            all += long.fragments(64, 64)
            let large = Packet.udp(
                from: Endpoint("\(client):4002"), to: Endpoint("\(virtual):80"), payload: [UInt8](repeating: 7, count: 1440))
            all.append(large)
        }
        let syn = all[0], ack6 = Packet.tcp(from: "[2001:db8:c::7]:4000", to: "[2001:db8:f::10]:80", flags: .ack)
        let wrapped = syn.ipip(from: "10.2.0.1", to: "10.2.0.11")
        all += [
            syn.ipOptions(hex("94 04 00 00")), ack6.extensionHeaders(.hopByHop(), .routing(), .destinationOptions(words: 2)),
            ack6.extensionHeaders(.fragment()), ack6.extensionHeaders(.authentication()),
            Packet.tooBig(
                from: "10.2.0.254", to: "203.0.113.10", mtu: 1400, quoting: Packet.tcp(from: "203.0.113.10:80", to: "198.51.100.7:4000")),
            Packet.tooBig(
                from: "fd00:2::fe", to: "2001:db8:f::10", mtu: 1280,
                quoting: Packet.tcp(from: "[2001:db8:f::10]:80", to: "[2001:db8:c::7]:4000")),
            Packet.tooBig(from: "10.2.0.254", to: "10.2.0.1", mtu: 1400, quoting: wrapped),
            Packet.icmpError(
                from: "10.2.0.11", to: "198.51.100.7", type: 3, quoting: Packet.tcp(from: "198.51.100.7:4000", to: "10.2.0.11:80")),
            Packet.icmpError(from: "10.9.9.9", to: "10.2.0.1", type: 11, quoting: syn.gre(from: "10.2.0.1", to: "10.2.0.11")),
            Packet.icmpError(from: "10.9.9.9", to: "10.2.0.1", type: 3, quoting: syn.gue(from: "10.2.0.1:40000", to: "10.2.0.11:6080")),
            Packet.echo(from: "198.51.100.7", to: "203.0.113.10"), Packet.echo(from: "198.51.100.7", to: "192.0.2.77"),
            Packet.neighborSolicitation(from: "fd00:2::fe", target: "2001:db8:f::10", linkAddress: others),
            Packet.neighborAdvertisement(from: "fd00:2::11", target: "fd00:2::11", linkAddress: others), wrapped,
        ]
        return all
    }()
}
