import CLinux
import Host
import LVS
import Links
import Linux
import Wire

/// Asks on an interface who has some addresses, and hears everybody who claims to. Needs CAP_NET_RAW.
struct AddressProbe {
    private let link: SocketLink
    private let interface: Network.Interface
    private let network: Network

    init(_ interface: Network.Interface, _ network: Network) throws {
        link = try SocketLink(
            on: interface.name, filter: PacketFilter(expression: "(arp and arp[6:2] == 2) or (icmp6 and ip6[40] == 136)"))
        self.interface = interface
        self.network = network
    }

    /// - Returns: each address with each MAC that answers for it, but for the host's own.
    func answers(for addresses: [IPAddress], within milliseconds: Int32) throws -> [(IPAddress, MACAddress)] {
        guard !addresses.isEmpty else { return [] }
        for address in addresses { try ask(for: address) }
        var found: [(IPAddress, MACAddress)] = []
        try link.hear(for: milliseconds) { frame in
            guard let (address, mac) = Self.answer(in: frame), addresses.contains(address),
                !network.interfaces.contains(where: { $0.mac == mac }), !found.contains(where: { $0.0 == address && $0.1 == mac })
            else { return true }
            found.append((address, mac))
            return true
        }
        return found
    }

    private static func answer(in frame: Frame) -> (IPAddress, MACAddress)? {
        let packet = Packet(frame)
        if packet.kind == .arp { return ARPPacket(frame.bytes.dropFirst(Int(packet.network))).map { ($0.sender, $0.senderMAC) } }
        guard packet.kind == .ip, packet.flow.proto == IPProtocol.icmpv6, packet.hops == 255,
            let message = NeighborMessage(frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength))
        else { return nil }
        return (message.target, message.linkAddress ?? frame.bytes.mac(at: 6))
    }

    private func ask(for address: IPAddress) throws {
        try link.send(AddressQuestion.longest) { AddressQuestion(address, on: interface, of: network).write(to: $0) }
    }
}

extension SocketLink {
    /// Sends one frame.
    /// - Parameters:
    ///   - longest: bytes that it has at most.
    ///   - write: lays it down; returns how long it is.
    func send(_ longest: Int, _ write: (Bytes) -> Int) throws {
        try withUnsafeTemporaryAllocation(byteCount: longest, alignment: 8) { memory in
            guard let start = memory.baseAddress else { return }
            var frame = Frame(buffer: start, capacity: longest, headroom: 0, length: longest)
            _ = frame.resize(to: write(frame.bytes))
            frame.egress = interface
            var batch = Batch(capacity: 1)
            batch.append(frame)
            try transmit(batch)
        }
    }

    /// Hands over what arrives until the time is over, or nobody wants more.
    func hear(for milliseconds: Int32, _ take: (Frame) -> Bool) throws {
        let poller = try Poller()
        try poller.watch(descriptor, as: 0)
        let end = svs_clock() &+ UInt64(milliseconds) &* 1_000_000
        var batch = Batch(capacity: 64)
        while true {
            batch.removeAll()
            try receive(into: &batch)
            for place in 0..<batch.count where !take(batch[place]) { return }
            let now = svs_clock()
            guard now < end else { return }
            if batch.isEmpty { _ = try poller.wait(milliseconds: Int32((end - now) / 1_000_000 + 1)) }
        }
    }
}
