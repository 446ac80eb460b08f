import CLinux
import LVS
import Links
import Linux
import Wire

/// Asks on an interface by ARP who has some addresses, and hears everybody who claims to. Needs CAP_NET_RAW.
struct AddressProbe {
    private let link: SocketLink
    private let interface: Network.Interface
    private let own: IPAddress

    init(_ interface: Network.Interface, _ network: Network) throws {
        link = try SocketLink(on: interface.name, filter: PacketFilter(expression: "arp and arp[6:2] == 2"))
        self.interface = interface
        own = network.addresses.first { $0.interface == interface.index && $0.address.isV4 }?.address ?? .unspecified(.v4)
    }

    /// - Returns: each address with each MAC that answers for it, but for the interface's own.
    func answers(for addresses: [IPAddress], within milliseconds: Int32) throws -> [(IPAddress, MACAddress)] {
        guard !addresses.isEmpty else { return [] }
        for address in addresses { try ask(for: address) }
        let poller = try Poller()
        try poller.watch(link.descriptor, as: 0)
        let end = svs_clock() &+ UInt64(milliseconds) &* 1_000_000
        var found: [(IPAddress, MACAddress)] = []
        var batch = Batch(capacity: 64)
        while true {
            batch.removeAll()
            try link.receive(into: &batch)
            for place in 0..<batch.count {
                let bytes = batch[place].bytes
                guard bytes.count >= 42, let answer = ARPPacket(bytes.dropFirst(14)), answer.senderMAC != interface.mac,
                    addresses.contains(answer.sender),
                    !found.contains(where: { $0.0 == answer.sender && $0.1 == answer.senderMAC })
                else { continue }
                found.append((answer.sender, answer.senderMAC))
            }
            let now = svs_clock()
            guard now < end else { return found }
            _ = try poller.wait(milliseconds: Int32((end - now) / 1_000_000 + 1))
        }
    }

    private func ask(for address: IPAddress) throws {
        try withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { memory in
            guard let start = memory.baseAddress else { return }
            var frame = Frame(buffer: start, capacity: 64, headroom: 0, length: 42)
            frame.bytes.setMAC(.broadcast, at: 0)
            frame.bytes.setMAC(interface.mac, at: 6)
            frame.bytes.setBig16(EtherType.arp, at: 12)
            ARPPacket.write(to: frame.bytes.dropFirst(14), operation: .request, senderMAC: interface.mac, sender: own, target: address)
            frame.egress = interface.index
            var batch = Batch(capacity: 1)
            batch.append(frame)
            try link.transmit(batch)
        }
    }
}
