import LVS
import Testing
import Wire

/// Sources of IPv6 where nothing names one, as `ip -6 route get` gives them on a host with these addresses.
@Suite struct SourceSelectionTests {
    private static let network: Network = {
        var network = Network()
        for (index, name) in [(1, "lo"), (2, "eth0")] as [(Int32, String)] {
            network.interfaces.append(
                Network.Interface(index: index, name: name, mac: MACAddress(bits: 0), mtu: 1500, isLoopback: index == 1))
        }
        for (text, length, interface) in [
            ("::1", 128, 1), ("2001:db8:e::1", 128, 1), ("2001:db8::2", 64, 2), ("2001:db8:f::10", 128, 2), ("fd00:1::2", 64, 2),
            ("fe80::2", 64, 2),
        ] as [(String, Int, Int32)] {
            guard let address = IPAddress(text) else { continue }
            network.addresses.append(Network.Address(address: address, prefixLength: length, interface: interface))
        }
        return network
    }()

    @Test(arguments: [
        ("2001:db8::12", "2001:db8::2", "the same network"),
        ("2001:db8:a::2", "2001:db8:f::10", "more bits in common, wherever the next hop is"),
        ("2001:db8:e::2", "2001:db8:f::10", "the way's interface before more bits in common"),
        ("fd00:2::1", "fd00:1::2", "a unique local address from such a one"),
        ("fe80::9", "fe80::2", "link-local from link-local"),
        ("2001:db8:f::10", "2001:db8:f::10", "itself"),
    ])
    func asTheKernel(_ destination: String, _ source: String, _ why: String) throws {
        let destination = try #require(IPAddress(destination))
        #expect(Self.network.sourceAddress(towards: destination, on: 2) == IPAddress(source), "\(why)")
    }
}
