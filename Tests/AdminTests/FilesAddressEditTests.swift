import Admin
import LVS
import Testing

/// Addresses that come and go while the host runs, with the routes that the kernel adds and removes along with them.
struct FilesAddressEditTests {
    private static let start = """
        link set eth0 up addrgenmode none
        addr add 192.0.2.1/24 dev eth0
        addr add 192.0.2.2/24 dev eth0
        addr add 198.51.100.1/32 dev eth0
        addr add 2001:db8::1/64 dev eth0
        route add default via 192.0.2.254
        route add 203.0.113.0/24 via 192.0.2.254 src 198.51.100.1
        route add 2001:db8:9::/48 via 2001:db8::fe

        """

    /// Addresses and routes of eth0 other than local ones.
    private static func state(_ network: Network) -> (addresses: [String], routes: [String], locals: [String]) {
        let routes = network.routes.filter { $0.interface == 2 }
        return (
            network.addresses.filter { $0.interface == 2 }.map { "\($0.address)/\($0.prefixLength)" },
            routes.filter { $0.kind != .local && $0.kind != .broadcast }.map { "\($0.prefix)/\($0.length)" },
            routes.filter { $0.kind == .local }.map { "\($0.prefix)" }
        )
    }

    @Test(arguments: [
        // What an edit leaves out of, or adds to, the state above; as kernel 6.1 does.
        ("a host address and the route that prefers it", "address del 198.51.100.1/32 dev eth0", ["198.51.100.1/32"], ["203.0.113.0/24"]),
        ("a secondary one", "address del 192.0.2.2/24 dev eth0", ["192.0.2.2/24"], []),
        (
            "a first one takes the others of its network along", "address del 192.0.2.1/24 dev eth0", ["192.0.2.1/24", "192.0.2.2/24"],
            ["192.0.2.0/24"]
        ),
        ("an IPv6 one", "address del 2001:db8::1/64 dev eth0", ["2001:db8::1/64"], ["2001:db8::/64"]),
    ])
    func goes(_ name: String, _ edit: String, _ addresses: [String], _ routes: [String]) throws {
        var file = try NetworkFile(Self.start, file: "n")
        let before = Self.state(file.network)
        try file.change(edit.split(separator: " ").map(String.init), file: "e", line: 1)
        let after = Self.state(file.network)
        #expect(after.addresses == before.addresses.filter { !addresses.contains($0) }, "\(name)")
        #expect(after.routes == before.routes.filter { !routes.contains($0) }, "\(name)")
        #expect(
            after.locals
                == before.locals.filter {
                    !addresses.contains("\($0)/24") && !addresses.contains("\($0)/32") && !addresses.contains("\($0)/64")
                }, "\(name)")
    }

    @Test func theLastOneTakesTheRoutesAlong() throws {
        var file = try NetworkFile(Self.start, file: "n")
        for address in ["192.0.2.1/24", "198.51.100.1/32"] { try file.change(["addr", "del", address, "dev", "eth0"], file: "e", line: 1) }
        let state = Self.state(file.network)
        #expect(state.addresses == ["2001:db8::1/64"])
        #expect(
            state.routes
                == ["2001:db8:9::/48", "2001:db8::/64"].sorted {
                    state.routes.firstIndex(of: $0) ?? 9 < state.routes.firstIndex(of: $1) ?? 9
                })
    }

    @Test func comesAndGoesAgain() throws {
        var file = try NetworkFile(Self.start, file: "n")
        let before = file.network
        try file.change(["address", "add", "10.0.0.1/24", "dev", "eth0"], file: "e", line: 1)
        #expect(file.network.isLocal(before.addresses[0].address) && file.network.addresses.count == before.addresses.count + 1)
        try file.change(["address", "del", "10.0.0.1/24", "dev", "eth0"], file: "e", line: 2)
        #expect(file.network.addresses == before.addresses)
        #expect(file.network.routes == before.routes)
    }

    @Test(arguments: [
        ("address del 192.0.2.9/24 dev eth0", "e:7: 192.0.2.9/24: Cannot assign requested address"),
        ("address del 192.0.2.1/25 dev eth0", "e:7: 192.0.2.1/25: Cannot assign requested address"),
        ("address add 192.0.2.9/24 dev eth9", "e:7: Cannot find device \"eth9\""),
    ])
    func refused(_ edit: String, _ message: String) throws {
        var file = try NetworkFile(Self.start, file: "n")
        let error = #expect(throws: FileError.self) { try file.change(edit.split(separator: " ").map(String.init), file: "e", line: 7) }
        #expect(error?.description == message)
    }
}
