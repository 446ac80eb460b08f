import LVS
import Testing
import Wire

@testable import Runtime

/// What is said of interfaces and neighbours, once each time that it changes.
@Suite struct NewsTests {
    @Test func carriersComeAndGo() {
        let lines = RunningDirector.Lines()
        let news = LinkNews(["eth0"], log: Log { lines.add($0) })
        var eth0 = Network.Interface(index: 2, name: "eth0", mac: .zero, mtu: 1500)
        let other = Network.Interface(index: 3, name: "eth1", mac: .zero, mtu: 1500)
        news.follow([eth0, other])
        eth0.hasCarrier = false
        for _ in 0..<3 { news.follow([eth0, other]) }
        eth0.hasCarrier = true
        for _ in 0..<3 { news.follow([eth0, other]) }
        #expect(
            lines.all == [
                "warning: interface eth0 has no carrier: nobody is at the other end of its cable", "interface eth0 has its carrier again",
            ])
    }

    @Test func neighboursOfServersAreLostAndBack() throws {
        let director = try RunningDirector(services: EventLoopTests.services)
        director.clients.arrive(PacketLoopTests.syn(1))
        #expect(wait { director.servers.sent.contains { $0.prefix(6) == [2, 0, 0, 0, 0, 0x11] } })
        director.host.change { network in
            network.failing = [.init(address: ip("10.0.0.11"), interface: 3), .init(address: ip("192.0.2.77"), interface: 2)]
        }
        let lost = "warning: 10.0.0.11 on eth1 does not answer: 1 server cannot be reached"
        #expect(wait { director.lines.all.last == lost })
        director.host.change { $0.failing = [] }
        #expect(wait { director.lines.all.last == "10.0.0.11 on eth1 answers again" })
        try director.stop()
        #expect(director.lines.all.count == 4)
    }
}
