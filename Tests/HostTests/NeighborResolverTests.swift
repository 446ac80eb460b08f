import Glibc
import Host
import LVS
import Testing
import Wire

@Suite(.serialized, .enabled(if: isRoot))
struct NeighborResolverTests {
    @Test(arguments: ["10.7.0.9", "2001:db8::9"])
    func theKernelAsksAndHears(_ text: String) throws {
        let address = try #require(IPAddress(text))
        try inNamespace {
            let peer = try Peer(device: "eth7")
            try shell("ip addr add 10.7.0.1/24 dev eth7", "ip -6 addr add 2001:db8::1/64 dev eth7 nodad")
            try peer.run { try shell("ip addr add 10.7.0.9/24 dev eth7", "ip -6 addr add 2001:db8::9/64 dev eth7 nodad") }
            let host = try HostNetwork()
            var network = LVS.Network()
            _ = try host.update(&network)
            let link = try #require(network.interface(named: "eth7")).index
            let tap = try peer.run { try Wiretap(on: "eth7") }
            let resolver = try NeighborResolver()
            #expect(resolver.resolve(address, on: link, at: 0))
            #expect(!resolver.resolve(address, on: link, at: 1_000_000))
            // An ARP request for it, or a solicitation of it.
            let asked = tap.frames(1) { frame in
                address.isV4
                    ? frame[12...13] == [8, 6] && frame[21] == 1 && frame[38...41] == [10, 7, 0, 9]
                    : frame[12...13] == [0x86, 0xdd] && frame.count > 77 && frame[54] == 135 && frame[77] == 9
            }
            #expect(asked.count == 1)
            #expect(
                try wait {
                    try host.update(&network); return network.neighbor(address, on: link) != nil
                })
            #expect(resolver.lastRefusal == nil)
        }
    }

    /// A stale neighbour that is used is verified again.
    @Test func useKeepsNeighborsFresh() throws {
        let address = try #require(IPAddress("10.7.0.9"))
        try inNamespace {
            let peer = try Peer(device: "eth7")
            try shell("ip addr add 10.7.0.1/24 dev eth7", "echo 1 > /proc/sys/net/ipv4/neigh/eth7/delay_first_probe_time")
            let mac = try peer.run {
                try shell("ip addr add 10.7.0.9/24 dev eth7")
                return try LinkFacts(of: "eth7").mac
            }
            try shell("ip neigh add 10.7.0.9 lladdr \(mac) dev eth7 nud stale")
            let resolver = try NeighborResolver()
            let key = LVS.Network.NeighborKey(address: address, interface: try LinkFacts(of: "eth7").index)
            resolver.refresh([key], at: 0)
            #expect(try wait { try output(of: "ip neigh show dev eth7").contains("REACHABLE") })
        }
    }

    @Test func tooManyAndImpossible() throws {
        try inNamespace {
            let resolver = try NeighborResolver()
            // Nothing to ask: a group, no address, no interface.
            #expect(!resolver.resolve(try #require(IPAddress("224.0.0.1")), on: 1, at: 0))
            #expect(!resolver.resolve(try #require(IPAddress("::")), on: 1, at: 0))
            #expect(!resolver.resolve(try #require(IPAddress("10.0.0.1")), on: 0, at: 0))
            // An interface that is not there is refused by the kernel; the refusal is told at the next request.
            let nowhere = try #require(IPAddress("10.0.0.2"))
            #expect(resolver.resolve(nowhere, on: 4711, at: 0))
            #expect(resolver.resolve(nowhere, on: 4711, at: 1_000_000_000))
            #expect(resolver.lastRefusal?.errno == ENODEV)
            var asked = 0
            for i in 0..<9000 where resolver.resolve(IPAddress(v4: 0x0a01_0000 + UInt32(i)), on: 4711, at: 2_000_000_000) { asked += 1 }
            #expect((8190...8192).contains(asked))
            // Later there is room again.
            #expect(resolver.resolve(IPAddress(v4: 0x0a02_0000), on: 4711, at: 9_000_000_000))
        }
    }
}
