import Glibc
import Host
import LVS
import LinkKit
import Links
import Linux
import Wire

@testable import Runtime

/// A host that is made up: it writes down what is asked of it, and its network is what the test says.
final class FakeHost: HostRequests, NetworkSource {
    private(set) var suppressions: [SuppressedTraffic] = []
    private(set) var resolved: [Network.NeighborKey] = []
    private(set) var opened: [MemoryLink] = []
    private(set) var lastRefusal: HostError?
    /// Readable after `change`.
    var descriptor: Int32 { changed.descriptor }
    private let changed: Wakeup
    private var network: Network
    /// Whether `change` waits to be looked at.
    private(set) var isChanged = true
    /// What it says about rules that cannot be followed, once.
    var unfollowed: [String] = []

    init(_ network: Network) throws {
        self.network = network
        changed = try Wakeup()
    }

    func change(_ body: (inout Network) -> Void) {
        body(&network)
        isChanged = true
        changed.raise()
    }

    func update(_ network: inout Network) throws(HostError) -> Bool {
        changed.clear()
        guard isChanged else { return false }
        isChanged = false
        network = self.network
        return true
    }

    func isStatic(_ neighbor: Network.NeighborKey) -> Bool { false }

    func newlyUnfollowed() -> [String] {
        defer { unfollowed = [] }
        return unfollowed
    }

    func suppress(_ traffic: SuppressedTraffic) throws(HostError) { suppressions.append(traffic) }
    func resolve(_ neighbors: [Network.NeighborKey], at now: Instant) { resolved += neighbors }
    func refresh(_ neighbors: [Network.NeighborKey], at now: Instant) {}
    func openLink(_ scheme: String, on interface: String) throws(LinkError) -> any LiveLink { throw LinkError("links come from the test") }

    func openSender(on interface: String) throws(LinkError) -> any Link {
        guard let found = network.interface(named: interface) else { throw LinkError("interface \(interface): no such interface") }
        opened.append(MemoryLink(interface: found.index))
        return opened[opened.count - 1]
    }

    func openDevice() throws(HostError) -> TUNDevice { throw HostError("make a TUN device", errno: EPERM) }
    func lead(_ traffic: OwnTraffic, into device: TUNDevice, mtu: Int) throws(HostError) {}
    func stopLeading() {}
    func interfacesChanged() {}

    /// A director's host on eth0 (interface 2), its servers on eth1 (interface 3), with one server that is known.
    static var network: Network {
        var network = Network()
        network.interfaces = [
            .init(index: 1, name: "lo", mac: .zero, mtu: 65_536, isLoopback: true),
            .init(index: 2, name: "eth0", mac: MACAddress(bits: 0x0200_0000_0002), mtu: 1500),
            .init(index: 3, name: "eth1", mac: MACAddress(bits: 0x0200_0000_0003), mtu: 1500),
        ]
        network.addresses = [
            .init(address: ip("192.0.2.254"), prefixLength: 24, interface: 2),
            .init(address: ip("10.0.0.254"), prefixLength: 24, interface: 3),
        ]
        network.routes = [
            .init(prefix: ip("192.0.2.0"), length: 24, interface: 2), .init(prefix: ip("10.0.0.0"), length: 24, interface: 3),
            .init(prefix: ip("0.0.0.0"), length: 0, gateway: ip("192.0.2.253"), interface: 2),
        ]
        network.setNeighbor(ip("10.0.0.11"), on: 3, to: server)
        return network
    }

    static let server = MACAddress(bits: 0x0200_0000_0011)
}

func ip(_ text: String) -> IPAddress {
    guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
    return address
}
