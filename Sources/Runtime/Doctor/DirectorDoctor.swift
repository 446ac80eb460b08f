public import Admin
internal import Host
public import LVS
internal import Linux
internal import SystemPackage
internal import Wire

/// What is wrong with a running director and around it: its own status, its host, and who else on its wires claims a virtual
/// address. Looked at in the network namespace of the caller, which is to be the director's.
public struct DirectorDoctor {
    public private(set) var faults: [Fault]

    /// - Parameters:
    ///   - status, inventory: what the director says of itself.
    ///   - milliseconds: to wait for somebody to answer ARP.
    public init(_ status: DirectorStatus, _ inventory: Inventory, listening milliseconds: Int32 = 1000) throws {
        faults = status.faults
        var director = Director(connections: 16)
        for service in inventory.services {
            try director.apply(.addService(service.key, service.settings))
            for server in service.servers { try director.apply(.addServer(service.key, server.key, server.settings)) }
        }
        try HostNetwork().update(&director.network)
        faults += HostWarnings.faults(director)
        faults += status.interfaces.compactMap { HostWarnings.fault(of: $0.name) }
        lookForKernel()
        let addresses = status.addresses.compactMap { one in one.holder == "nobody" ? nil : IPAddress(one.address) }.filter(\.isV4)
        for interface in director.network.interfaces
        where interface.isUp && status.interfaces.contains(where: { $0.name == interface.name }) {
            let answers = try AddressProbe(interface, director.network).answers(for: addresses, within: milliseconds)
            for (address, mac) in answers.sorted(by: { ($0.0, $0.1.bits) < ($1.0, $1.1.bits) }) {
                faults.append(
                    Fault(
                        "vip-claimed",
                        "\(mac) on \(interface.name) answers ARP for \(address): what clients send there goes past the director",
                        cure: "on that host: svs doctor --server \(address)"))
            }
        }
    }

    /// The kernel's own IPVS, which would see the same packets.
    private mutating func lookForKernel() {
        guard let bytes = try? FileReader("/proc/net/ip_vs").all() else { return }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").dropFirst(3)
        guard !lines.isEmpty else { return }
        faults.append(
            Fault("kernel-ipvs", "the kernel's own IPVS has services on this host too", cure: "ipvsadm -C && modprobe -r ip_vs"))
    }
}
