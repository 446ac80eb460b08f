public import LVS
public import Wire

/// The question who has an address, as a client on the wire asks it: an ARP request in the name of the host's own address, or for
/// IPv6 a solicitation from nobody, whose answer goes to all nodes.
public struct AddressQuestion {
    private let address: IPAddress
    private let mac: MACAddress
    /// In whose name IPv4 is asked for; nobody's (a probe, RFC 5227) where the host has no other address there.
    private let own: IPAddress

    /// Bytes of a frame that is long enough for any.
    public static var longest: Int { 14 + 40 + 24 }

    public init(_ address: IPAddress, on interface: LVS.Network.Interface, of network: LVS.Network) {
        self.address = address
        mac = interface.mac
        own =
            network.addresses.first { $0.interface == interface.index && $0.address.isV4 && $0.address != address }?.address
            ?? .unspecified(.v4)
    }

    /// Lays the frame down.
    /// - Returns: its bytes.
    public func write(to bytes: Bytes) -> Int {
        bytes.setMAC(mac, at: 6)
        guard !address.isV4 else {
            bytes.setMAC(.broadcast, at: 0)
            bytes.setBig16(EtherType.arp, at: 12)
            ARPPacket.write(to: bytes.dropFirst(14), operation: .request, senderMAC: mac, sender: own, target: address)
            return 14 + ARPPacket.length
        }
        let group = IPAddress.solicitedNode(of: address)
        bytes.setMAC(MACAddress(group: group), at: 0)
        bytes.setBig16(EtherType.ipv6, at: 12)
        IPv6Header.write(
            to: bytes.dropFirst(14), payloadLength: 24, nextHeader: IPProtocol.icmpv6, from: .unspecified(.v6), to: group, hopLimit: 255)
        NeighborMessage.writeProbe(to: bytes.dropFirst(54), for: address)
        return Self.longest
    }
}
