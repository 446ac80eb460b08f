import Admin
import LVS
import Testing
import Wire

struct FilesNetworkTests {
    /// A director with two Ethernet links, in the words that administrators use.
    static let director = """
        # links
        link set dev eth0 address 02:00:00:00:00:01 mtu 1500
        link set lo up
        link set dev eth0 up
        link add dev dummy0 address 02:00:00:00:00:d0 type dummy
        link add veth0 address 02:00:00:00:00:02 mtu 9000 txqueuelen 100 type veth peer name veth1 \\
            address 02:00:00:00:00:03
        link set veth0 up
        l s veth1 up addrgenmode none

        # addresses
        addr add 172.31.255.1/24 brd + dev eth0 label eth0:1
        -6 addr add fd00:31::1/64 dev eth0 nodad
        a a 10.9.0.1 peer 10.9.0.2 dev veth0
        addr add 198.51.100.1/30 dev dummy0
        addr add 10.200.1.1/32 dev lo      # a VIP
        addr add 10.201.0.1/24 dev lo
        address add fc00:1::1/128 dev lo

        # routes
        route add local 10.245.41.0/24 dev lo
        r a 10.0.0.3/32 dev eth0 mtu lock 1400
        route add 10.7/16 dev eth0
        route add 10.1.0.0/16 via 172.31.255.253 src 172.31.255.1 metric 20
        route add unreachable 10.66.0.0/16
        route add blackhole fd66::/16 metric 5
        route replace default via 172.31.255.254 dev eth0 onlink
        route add default via fd00:31::fe dev eth0 onlink
        -6 route add fd77::/32 via fe80::1 dev veth0

        # neighbours
        neigh replace 172.31.255.254 lladdr 02:00:00:00:00:fe dev eth0 nud permanent
        neighbour add fd00:31::fe lladdr 02:00:00:00:00:fe dev eth0
        n add 172.31.255.9 lladdr 02:00:00:00:00:09 dev eth0 nud failed
        """

    @Test func linksInOrderOfMention() throws {
        let network = try NetworkFile(Self.director, file: "network").network
        #expect(
            network.interfaces.map { "\($0.index) \($0.name) \($0.mac) \($0.mtu)\($0.isUp ? " up" : "")" } == [
                "1 lo 00:00:00:00:00:00 65536 up",
                "2 eth0 02:00:00:00:00:01 1500 up",
                "3 dummy0 02:00:00:00:00:d0 1500",
                "4 veth0 02:00:00:00:00:02 9000 up",
                "5 veth1 02:00:00:00:00:03 1500 up",
            ])
        #expect(network.firstEthernet?.name == "eth0")
    }

    @Test func addressesAndLinkLocals() throws {
        let network = try NetworkFile(Self.director, file: "network").network
        #expect(
            network.addresses.map { "\($0.address)/\($0.prefixLength) \($0.interface)" } == [
                "127.0.0.1/8 1", "::1/128 1", "172.31.255.1/24 2", "fd00:31::1/64 2", "10.9.0.1/32 4", "198.51.100.1/30 3",
                "10.200.1.1/32 1", "10.201.0.1/24 1", "fc00:1::1/128 1", "fe80::ff:fe00:1/64 2", "fe80::ff:fe00:2/64 4",
            ])
        for own in ["10.200.1.1", "10.201.0.77", "10.245.41.200", "fc00:1::1", "127.9.9.9", "198.51.100.1"] {
            #expect(network.isLocal(try #require(IPAddress(own))), "\(own)")
        }
        for other in ["10.200.1.2", "172.31.255.254", "fc00:1::2", "198.51.100.2"] {
            #expect(!network.isLocal(try #require(IPAddress(other))), "\(other)")
        }
    }

    static func say(_ route: Network.Route) -> String {
        var words = ["\(route.kind)", "\(route.prefix)/\(route.length)"]
        if let gateway = route.gateway { words.append("via \(gateway)") }
        words.append("dev \(route.interface)")
        if let source = route.source { words.append("src \(source)") }
        if route.metric != 0 { words.append("metric \(route.metric)") }
        if route.mtu != 0 { words.append("mtu \(route.mtu)") }
        return words.joined(separator: " ")
    }

    /// What `ip route show table all` and `ip -6 route show table all` print for the same lines, without multicast.
    @Test func routesAsTheKernelMakesThem() throws {
        let network = try NetworkFile(Self.director, file: "network").network
        #expect(
            network.routes.map { Self.say($0) } == [
                "local 127.0.0.1/32 dev 1",
                "local 127.0.0.0/8 dev 1 src 127.0.0.1",
                "broadcast 127.255.255.255/32 dev 1 src 127.0.0.1",
                "local ::1/128 dev 1",
                "local 172.31.255.1/32 dev 2",
                "unicast 172.31.255.0/24 dev 2 src 172.31.255.1",
                "broadcast 172.31.255.255/32 dev 2 src 172.31.255.1",
                "local fd00:31::1/128 dev 2",
                "unicast fd00:31::/64 dev 2 metric 256",
                "local 10.9.0.1/32 dev 4",
                "unicast 10.9.0.2/32 dev 4 src 10.9.0.1",
                "local 198.51.100.1/32 dev 3",
                "local 10.200.1.1/32 dev 1",
                "local 10.201.0.1/32 dev 1",
                "local 10.201.0.0/24 dev 1 src 10.201.0.1",
                "broadcast 10.201.0.255/32 dev 1 src 10.201.0.1",
                "local fc00:1::1/128 dev 1",
                "local 10.245.41.0/24 dev 1",
                "unicast 10.0.0.3/32 dev 2 mtu 1400",
                "unicast 10.7.0.0/16 dev 2",
                "unicast 10.1.0.0/16 via 172.31.255.253 dev 2 src 172.31.255.1 metric 20",
                "unreachable 10.66.0.0/16 dev 1",
                "blackhole fd66::/16 dev 1 metric 5",
                "unicast 0.0.0.0/0 via 172.31.255.254 dev 2",
                "unicast ::/0 via fd00:31::fe dev 2 metric 1024",
                "unicast fd77::/32 via fe80::1 dev 4 metric 1024",
                "local fe80::ff:fe00:1/128 dev 2",
                "unicast fe80::/64 dev 2 metric 256",
                "local fe80::ff:fe00:2/128 dev 4",
                "unicast fe80::/64 dev 4 metric 256",
            ])
    }

    @Test func neighbours() throws {
        let network = try NetworkFile(Self.director, file: "network").network
        #expect(
            network.neighbors.map { "\($0.key.address) \($0.key.interface) \($0.value)" }.sorted() == [
                "172.31.255.254 2 02:00:00:00:00:fe", "fd00:31::fe 2 02:00:00:00:00:fe",
            ])
    }

    @Test(arguments: [
        ("an interface that goes down takes its routes", "link set eth0 down", ["local 192.0.2.1/32 dev 2"]),
        (
            "and has the connected ones back when it comes up", "link set eth0 down\nlink set eth0 up",
            ["local 192.0.2.1/32 dev 2", "unicast 192.0.2.0/24 dev 2 src 192.0.2.1", "broadcast 192.0.2.255/32 dev 2 src 192.0.2.1"]
        ),
        (
            "a second address of the subnet brings no second route", "addr add 192.0.2.2/24 dev eth0",
            [
                "local 192.0.2.1/32 dev 2", "unicast 192.0.2.0/24 dev 2 src 192.0.2.1", "broadcast 192.0.2.255/32 dev 2 src 192.0.2.1",
                "unicast 0.0.0.0/0 via 192.0.2.254 dev 2", "local 192.0.2.2/32 dev 2",
            ]
        ),
        (
            "replaced routes", "route replace default via 192.0.2.253",
            [
                "local 192.0.2.1/32 dev 2", "unicast 192.0.2.0/24 dev 2 src 192.0.2.1", "broadcast 192.0.2.255/32 dev 2 src 192.0.2.1",
                "unicast 0.0.0.0/0 via 192.0.2.253 dev 2",
            ]
        ),
        (
            "the same again is no error", "addr add 192.0.2.1/24 dev eth0\nroute add default via 192.0.2.254 dev eth0",
            [
                "local 192.0.2.1/32 dev 2", "unicast 192.0.2.0/24 dev 2 src 192.0.2.1", "broadcast 192.0.2.255/32 dev 2 src 192.0.2.1",
                "unicast 0.0.0.0/0 via 192.0.2.254 dev 2",
            ]
        ),
    ])
    func changes(_ name: String, lines: String, routes: [String]) throws {
        let start = """
            link set eth0 up addrgenmode none
            addr add 192.0.2.1/24 dev eth0
            route add default via 192.0.2.254

            """
        let network = try NetworkFile(start + lines, file: "n").network
        #expect(network.routes.filter { $0.interface != 1 }.map { Self.say($0) } == routes, "\(name)")
    }

    @Test(arguments: [
        ("addr add 10.0.0.1/24 dev eth9", "n:4: Cannot find device \"eth9\""),
        ("neigh add 10.0.0.1 lladdr 02:00:00:00:00:01 dev eth9", "n:4: Cannot find device \"eth9\""),
        ("route add 10.0.0.0/24 dev eth9", "n:4: Cannot find device \"eth9\""),
        ("addr add 10.0.0.1/33 dev eth0", "n:4: any valid prefix is expected rather than \"10.0.0.1/33\"."),
        ("addr add 10.0.300/24 dev eth0", "n:4: any valid prefix is expected rather than \"10.0.300/24\"."),
        ("addr add eth0", "n:4: any valid prefix is expected rather than \"eth0\"."),
        ("addr add 10.0.0.1/24", "n:4: Not enough information: \"dev\" argument is required."),
        ("addr add dev eth0", "n:4: addr add: the address is missing"),
        ("addr add 10.0.0.1/24 dev", "n:4: dev: an argument is missing"),
        ("addr add 10.0.0.1/24 dev eth0 colour", "n:4: addr: colour: not understood"),
        ("addr add 224.0.0.1/24 dev eth0", "n:4: 224.0.0.1/24: no address for an interface"),
        ("-6 addr add 10.0.0.1/24 dev eth0", "n:4: 10.0.0.1/24: not an address of IPv6"),
        ("addr flush 10.0.0.1/24 dev eth0", "n:4: Command \"flush\" is unknown here: add, replace, change, delete"),
        ("addr", "n:4: command: an argument is missing"),
        ("tunnel add", "n:4: Object \"tunnel\" is unknown: link, addr, route, rule or neigh"),
        ("-x addr add 10.0.0.1/24 dev eth0", "n:4: Option \"-x\" is unknown, try \"ip -help\""),
        ("link set dev eth0 address 02:00", "n:4: \"02:00\" is invalid lladdr."),
        ("link set dev eth0 mtu 10", "n:4: mtu: 10: invalid number"),
        ("link set dev eth0 sideways", "n:4: either \"dev\" is duplicate, or \"sideways\" is a garbage."),
        ("link set up", "n:4: Not enough information: \"dev\" argument is required."),
        ("link add br0 type bridge", "n:4: type bridge: only dummy and veth"),
        ("link add d0", "n:4: link add: the type is missing: dummy or veth"),
        ("link add eth0 type dummy", "n:4: eth0: File exists"),
        ("link set name-of-sixteen-c up", "n:4: \"name-of-sixteen-c\" is not a valid ifname"),
        ("route add 10.0.0.1/24 dev eth0", "n:4: 10.0.0.1/24: Invalid prefix for given prefix length."),
        ("route add default via 10.9.9.9", "n:4: via 10.9.9.9: Nexthop has invalid gateway."),
        ("route add default via 10.9.9.9 dev eth0", "n:4: via 10.9.9.9: Nexthop has invalid gateway."),
        ("route add default via 192.0.2.1", "n:4: via 192.0.2.1: Nexthop has invalid gateway."),
        ("route add 10.0.0.0/8 via fd00::1", "n:4: via fd00::1: the family is not that of the route"),
        ("route add default via 192.0.2", "n:4: an inet address is expected rather than \"192.0.2\"."),
        ("route add default", "n:4: No such device"),
        ("route add local 10.0.0.0/8", "n:4: No such device"),
        ("route add 10.0.0.0/8 dev down0", "n:4: down0: Device for nexthop is not up."),
        ("route add 10.0.0.0/8 dev eth0 src 10.1.1.1", "n:4: src 10.1.1.1: Invalid prefsrc address."),
        ("route add 10.0.0.0/8 dev eth0 table nosuch", "n:4: table nosuch: invalid table ID"),
        ("route add 10.0.0.0/8 tos 300 dev eth0", "n:4: tos: 300: TOS value is invalid"),
        ("route add 10.0.0.0/8 nexthop via 192.0.2.9 colour", "n:4: nexthop: colour: not understood"),
        ("route add 10.0.0.0/8 nexthop via 10.9.9.9", "n:4: via 10.9.9.9: Nexthop has invalid gateway."),
        ("route add throw 10.0.0.0/8 nexthop via 192.0.2.9", "n:4: nexthop: not beside via, dev or a type"),
        ("route add 10.0.0.0/8 dev eth0 mtu big", "n:4: mtu: big: invalid number"),
        ("route add 192.0.2.0/24 via 192.0.2.9", "n:4: 192.0.2.0/24: File exists"),
        ("route change 10.0.0.0/8 dev eth0", "n:4: 10.0.0.0/8: No such file or directory"),
        ("neigh add 10.0.0.1 dev eth0", "n:4: neigh add: lladdr is missing"),
        ("neigh add 10.0.0.1 lladdr 02:00:00:00:00:0g dev eth0", "n:4: \"02:00:00:00:00:0g\" is invalid lladdr."),
        ("neigh add ten lladdr 02:00:00:00:00:01 dev eth0", "n:4: an inet address is expected rather than \"ten\"."),
        ("neigh add 10.0.0.1 lladdr 02:00:00:00:00:01 dev eth0 nud forever", "n:4: nud state is bad: forever"),
        ("neigh add 10.0.0.1 lladdr 02:00:00:00:00:01", "n:4: Device and destination are required arguments."),
    ])
    func errors(line: String, message: String) {
        let start = "link set eth0 up\nlink set down0 mtu 1500\naddr add 192.0.2.1/24 dev eth0\n"
        let error = #expect(throws: FileError.self) { try NetworkFile(start + line + "\n", file: "n") }
        #expect(error?.description == message)
    }

    /// The address that an interface makes of its MAC, given to it by a line too.
    @Test func aLinkLocalAddressIsThereOnce() throws {
        let text = """
            link set dev eth0 address 02:00:00:00:00:01 mtu 1500 up
            addr add fe80::ff:fe00:1/64 dev eth0 nodad
            """
        let network = try NetworkFile(text, file: "network").network
        #expect(network.addresses.filter { $0.address == IPAddress("fe80::ff:fe00:1") }.count == 1)
        let said = NetworkFile.text(of: network)
        #expect(NetworkFile.text(of: try NetworkFile(said, file: "again").network) == said)
    }
}
