internal import LVS
public import Wire

/// Maps addresses to others, the same ones always alike: addresses that share their first bits share as many after it
/// (Crypto-PAn's property, Xu et al. 2002), so that networks stay networks. Multicast, loopback, unspecified
/// and broadcast addresses stay, and the first eight bits of IPv4, sixteen of IPv6.
public final class Anonymiser {
    private let keys: (UInt64, UInt64)
    /// Packets around the one in hand.
    var depth = 0
    private var known: [IPAddress: IPAddress] = [:]
    private var macs: [UInt64: UInt64] = [:]
    /// UDP ports of GUE tunnels, whose payload is looked into.
    var guePorts: Set<UInt16> = [6080]

    /// - Parameter seed: the same seed maps alike; nobody who does not know it finds the addresses again.
    public init(seed: UInt64) {
        keys = (Self.mixed(seed ^ 0x616e_6f6e_796d_6f75), Self.mixed(seed &+ 0x7320_6b65_7973_2121))
    }

    private static func mixed(_ value: UInt64) -> UInt64 {
        var generator = SeededGenerator(seed: value)
        return generator.next()
    }

    /// The address that stands for another.
    public func address(_ address: IPAddress) -> IPAddress {
        if stays(address) { return address }
        if let mapped = known[address] { return mapped }
        let mapped = address.isV4 ? IPAddress(v4: v4(address.v4)) : v6(address)
        known[address] = mapped
        return mapped
    }

    private func stays(_ address: IPAddress) -> Bool {
        address.isMulticast || address.isLoopback || address.isUnspecified
            || address.isV4 && (address.v4 >> 24 == 0 || address.v4 >> 28 >= 14)
    }

    /// A bit flips or not by what stands before it. The first eight bits stay, so that nothing becomes a group or loopback.
    private func v4(_ address: UInt32) -> UInt32 {
        var mapped = address
        // Of 169.254/16 only the host part is mapped.
        for bit in (address >> 16 == 0xa9fe ? 16 : 8)..<32 where flips(UInt64(address >> UInt32(32 - bit)), 0, bit) {
            mapped ^= 1 << UInt32(31 - bit)
        }
        return mapped
    }

    /// The first 16 bits stay; of a link-local address, the network.
    private func v6(_ address: IPAddress) -> IPAddress {
        var (high, low) = (address.high, address.low)
        for bit in (address.isLinkLocal ? 64 : 16)..<64 where flips(address.high >> UInt64(64 - bit), 1, bit) {
            high ^= 1 << UInt64(63 - bit)
        }
        for bit in 0..<64 where flips(address.high, bit == 0 ? 0 : address.low >> UInt64(64 - bit), 64 + bit) {
            low ^= 1 << UInt64(63 - bit)
        }
        return IPAddress(high: high, low: low)
    }

    private func flips(_ a: UInt64, _ b: UInt64, _ bit: Int) -> Bool {
        Self.mixed(Self.mixed(a ^ keys.0) ^ Self.mixed(b ^ keys.1) ^ UInt64(bit) &* 0x1000_0000_01b3) & 1 == 1
    }

    /// A hardware address, locally administered; broadcast and groups stay.
    public func mac(_ mac: UInt64) -> UInt64 {
        guard mac >> 40 & 1 == 0, mac != 0 else { return mac }
        if let mapped = macs[mac] { return mapped }
        let mapped = Self.mixed(mac ^ keys.1) & 0x00ff_ffff_ffff | 0x0200_0000_0000
        macs[mac] = mapped
        return mapped
    }

    /// Lengths of the client networks that templates of a service are for, by the service's words.
    var clientLengths: [String: Int] = [:]
}
