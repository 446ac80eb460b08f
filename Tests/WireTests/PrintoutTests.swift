import Testing
import Wire
import PacketKit

struct Line: Sendable, CustomTestStringConvertible {
    let bytes: [UInt8], text: String
    init(_ bytes: [UInt8], _ text: String) {
        self.bytes = bytes
        self.text = text
    }
    var testDescription: String { text }
}

func ip(_ bytes: [UInt8]) -> String {
    var bytes = bytes
    return bytes.withBytes { Printout(ip: $0).description }
}
func frame(_ bytes: [UInt8]) -> String {
    var bytes = bytes
    return bytes.withBytes { Printout($0).description }
}
@Test func show() {
    let syn = Packet.tcp(from: "192.0.2.1:4000", to: "10.0.0.1:80", options: TCPOption.mss(1460) + TCPOption.sackPermitted + TCPOption.timestamps(1, 2), ttl: 63, id: 7)
    let syn6 = Packet.tcp(from: "[2001:db8::1]:4000", to: "[2001:db8::2]:80", flags: [.syn, .ack], tos: 0x2e)
    for p in [syn, syn6, Packet.udp(from: "192.0.2.1:4000", to: "10.0.0.1:80", payload: [1,2,3]), Packet.sctp(from: "192.0.2.1:4000", to: "10.0.0.1:80", chunks: [.cookieEcho, .data()]),
      Packet.tooBig(from: "10.0.0.9", to: "192.0.2.1", mtu: 1400, quoting: syn, limit: 28),
      Packet.tooBig(from: "2001:db8::9", to: "2001:db8::1", mtu: 1400, quoting: syn6),
      Packet.echo(from: "10.0.0.9", to: "192.0.2.1"), Packet.echo(from: "2001:db8::9", to: "2001:db8::1", reply: true),
      Packet.neighborSolicitation(from: "fe80::1", target: "2001:db8::1", linkAddress: "02:00:00:00:00:01"),
      Packet.neighborAdvertisement(from: "fe80::1", target: "2001:db8::1", linkAddress: "02:00:00:00:00:01"),
      syn.ipip(from: "172.31.255.1", to: "10.1.1.1"), syn6.gre(from: "172.31.255.1", to: "10.1.1.1", checksum: true, key: 7), syn.gue(from: "172.31.255.1:40000", to: "10.1.1.1:6080", checksum: true), syn.gue(from: "172.31.255.1:40000", to: "10.1.1.1:6080", variant: 1),
      syn.gue(from: "[fd00::1]:40000", to: "[fd00::2]:6080", flags: 1, options: hex("80000000 00140024")),
      syn6.extensionHeaders(.hopByHop(), .fragment(), .authentication()), syn.ipOptions(hex("94040000"))] + syn.fragments(16) + syn6.fragments(8) {
        print(ip(p))
    }
    for f in [syn.ethernet(), syn.ethernet().vlan(5).vlan(6, priority: 3, type: 0x88a8), Packet.arp(request: true, senderMAC: "02:00:00:00:00:01", sender: "10.0.0.1", target: "10.0.0.2"), Packet.arp(request: false, senderMAC: "02:00:00:00:00:01", sender: "10.0.0.1", targetMAC: "02:00:00:00:00:02", target: "10.0.0.2")] { print(frame(f)) }
    var whole = syn.ethernet()
    for n in stride(from: 0, to: whole.count, by: 3) { print(n, whole.withBytes { Printout($0.prefix(n)).description }) }
}
