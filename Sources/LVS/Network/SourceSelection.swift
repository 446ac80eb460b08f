import Wire

extension Network {
    /// The address that the host takes as a source for IPv6 where nothing names one (RFC 6724 section 5, the rules that apply
    /// to a host without temporary or deprecated addresses): right scope, the way's own interface, same label, longest match.
    /// Of equals the first.
    func sourceAddress6(towards destination: IPAddress, on interface: Int32) -> IPAddress {
        // What is good on one link only is reached from there.
        let candidates = addresses.filter {
            !$0.address.isV4 && !$0.address.isUnspecified && (!destination.isLinkLocal && !destination.isMulticast || $0.interface == interface)
        }
        var best: (merit: [Int], address: IPAddress)?
        for candidate in candidates {
            let merit = merit(of: candidate, towards: destination, on: interface)
            if best.map({ $0.merit.lexicographicallyPrecedes(merit) }) ?? true { best = (merit, candidate.address) }
        }
        return best?.address ?? .unspecified(.v6)
    }

    /// The rules in their order, more being better.
    private func merit(of own: Address, towards destination: IPAddress, on interface: Int32) -> [Int] {
        let reaches = own.address.reach >= destination.reach
        return [
            own.address == destination ? 1 : 0,
            reaches ? -own.address.reach : own.address.reach - 128,
            own.interface == interface ? 1 : 0,
            own.address.label == destination.label ? 1 : 0,
            min(own.address.commonPrefix(with: destination), own.prefixLength),
        ]
    }
}

extension IPAddress {
    /// How far an IPv6 address is known: the scope's number (RFC 4291 section 2.7).
    fileprivate var reach: Int {
        if isMulticast { return Int(high >> 48 & 15) }
        return isLinkLocal || isLoopback ? 2 : high >> 54 == 0x3fb ? 5 : 14
    }

    /// What kind of IPv6 address it is (RFC 6724 section 2.1, and ORCHIDs).
    fileprivate var label: Int {
        switch high {
        case 0 where low == 1: 0
        case 0 where low >> 32 == 0: 3
        case 0 where low >> 32 == 0xffff: 4
        case _ where high >> 57 == 0x7e: 5
        case _ where high >> 48 == 0x2002: 2
        case _ where high >> 32 == 0x2001_0000: 6
        case _ where high >> 36 == 0x200_1001: 7
        default: 1
        }
    }

    fileprivate func commonPrefix(with other: IPAddress) -> Int {
        high != other.high ? (high ^ other.high).leadingZeroBitCount : 64 + (low ^ other.low).leadingZeroBitCount
    }
}
