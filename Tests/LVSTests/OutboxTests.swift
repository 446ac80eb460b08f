import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

@Suite struct OutboxTests {
    /// What a batch made is sent once: the next look at waiting frames begins with an empty outbox, also when none waits.
    @Test func whatIsSentIsNotSentAgain() throws {
        var director = Director(connections: 16)
        var network = Network()
        network.interfaces = [.init(index: 2, name: "eth0", mac: MACAddress(bits: 0x0200_0000_0001), mtu: 1500)]
        network.addresses = [.init(address: TranslationFixture.ip("192.0.2.1"), prefixLength: 24, interface: 2)]
        network.routes = [.init(prefix: TranslationFixture.ip("192.0.2.0"), length: 24, interface: 2)]
        network.setNeighbor(TranslationFixture.ip("192.0.2.9"), on: 2, to: MACAddress(bits: 0x0200_0000_0009))
        director.network = network
        try director.apply(
            .addService(
                ServiceKey(proto: IPProtocol.tcp, address: TranslationFixture.ip("192.0.2.1"), port: 80), ServiceSettings(scheduler: "rr")))

        var bytes = Packet.tcp(from: "192.0.2.9:5555", to: "192.0.2.1:80", flags: .syn).ethernet(
            from: "02:00:00:00:00:09", to: "02:00:00:00:00:01")
        let sent = bytes.withBytes { window in
            var batch = Batch(capacity: 1)
            batch.append(Frame(buffer: window.base, capacity: window.count, headroom: 0, length: window.count, ingress: 2))
            director.process(&batch, at: 1)
            return director.outbox.batch.count
        }
        #expect(sent == 1)
        director.releaseWaiting(at: 2)
        let left = director.outbox.batch.count
        #expect(left == 0)
    }
}
