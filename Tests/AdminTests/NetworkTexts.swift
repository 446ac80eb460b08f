import Admin
import LVS
import Testing
import Wire

@Suite struct NetworkTexts {
    private static let written = """
        link set dev eth0 address 02:00:00:00:00:01 mtu 1400 addrgenmode none
        link set dev eth0 up
        link set dev eth1 address 02:00:00:00:00:02 mtu 1500 addrgenmode none
        link set dev lo up
        addr add 192.0.2.1/24 dev eth0 noprefixroute
        addr add 2001:db8::1/64 dev eth0 noprefixroute
        addr add 203.0.113.10/32 dev lo noprefixroute
        route append 192.0.2.0/24 dev eth0 src 192.0.2.1
        route append local 198.51.100.0/24 dev lo table local
        route append broadcast 192.0.2.255/32 dev eth0 table local
        route append 10.9.0.0/16 dev eth0 metric 7 mtu 1300
        route append 2001:db8::/64 dev eth0 metric 256
        route append 0.0.0.0/0 via 192.0.2.254 dev eth0 onlink
        neigh replace 192.0.2.254 lladdr 02:00:00:00:00:fe dev eth0 nud permanent

        """

    @Test func aTextIsReadAsItIsWritten() throws {
        let network = try NetworkFile(Self.written, file: "network").network
        let text = NetworkFile.text(of: network)
        #expect(text.split(separator: "\n").sorted() == Self.written.split(separator: "\n").sorted())
        let again = try NetworkFile(text, file: "network").network
        #expect(again.interfaces == network.interfaces)
        #expect(again.addresses == network.addresses)
        #expect(Set(again.routes) == Set(network.routes))
        #expect(again.neighbors == network.neighbors)
    }

    /// Every link has a route of its own to fe80::/64 and to the anycast address fe80::.
    @Test func ofRoutesToTheSamePrefixTheFirstOneIsWritten() throws {
        var network = try NetworkFile(Self.written, file: "network").network
        let prefix = try #require(IPAddress("fe80::"))
        let interface = network.interfaces[1].index
        network.routes += [
            .init(prefix: prefix, length: 128, interface: interface, kind: .local),
            .init(prefix: prefix, length: 128, interface: network.interfaces[0].index, kind: .local),
        ]
        let again = try NetworkFile(NetworkFile.text(of: network), file: "written").network
        #expect(again.routes.filter { $0.prefix == prefix && $0.length == 128 }.map(\.interface) == [interface])
    }

    /// What addresses bring by themselves is written as routes, and nothing gets lost by that.
    @Test func impliedRoutesAreWritten() throws {
        let network = try NetworkFile(
            "link set dev eth0 address 02:00:00:00:00:01\nlink set dev eth0 up\naddr add 10.0.0.1/24 dev eth0\naddr add fd00::1/64 dev eth0\n",
            file: "network"
        ).network
        let again = try NetworkFile(NetworkFile.text(of: network), file: "written").network
        for address in ["10.0.0.1", "10.0.0.9", "10.0.0.255", "10.0.1.1", "fd00::1", "fd00::9", "fe80::9", "fd01::"] {
            let address = try #require(IPAddress(address))
            #expect(again.lookup(address)?.kind == network.lookup(address)?.kind, "\(address)")
        }
    }
}
