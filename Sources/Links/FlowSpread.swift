internal import Wire

extension Bytes {
    /// A number that the Ethernet frames of one flow and direction have in common: made of the addresses, and of the ports of TCP and UDP in
    /// packets that are no fragments. Flows that differ have different ones, evenly spread. 0 for what is no IP packet.
    @inline(__always)
    var flowSpread: UInt32 {
        guard let ethernet = EthernetHeader(self) else { return 0 }
        let start = ethernet.length
        switch ethernet.type {
        case EtherType.ipv4 where count >= start &+ 20:
            let ports = start &+ Int(self[start] & 15) &* 4
            var sum = big32(at: start &+ 12).mixed(with: big32(at: start &+ 16))
            if big16(at: start &+ 6) & 0x3fff == 0, Self.hasPorts(self[start &+ 9]), count >= ports &+ 4 {
                sum = sum.mixed(with: big32(at: ports))
            }
            return sum
        case EtherType.ipv6 where count >= start &+ 40:
            var sum: UInt32 = 0
            for word in 0..<8 { sum = sum.mixed(with: big32(at: start &+ 8 &+ word &* 4)) }
            if Self.hasPorts(self[start &+ 6]), count >= start &+ 44 { sum = sum.mixed(with: big32(at: start &+ 40)) }
            return sum
        default: return 0
        }
    }

    @inline(__always)
    private static func hasPorts(_ proto: UInt8) -> Bool { proto == IPProtocol.tcp || proto == IPProtocol.udp }
}

extension UInt32 {
    /// One step of a multiplicative hash whose upper bits depend on all bits of both.
    @inline(__always)
    fileprivate func mixed(with other: UInt32) -> UInt32 {
        let product = UInt64(self ^ other) &* 0x9e37_79b9_7f4a_7c15
        return UInt32(truncatingIfNeeded: product >> 32) ^ UInt32(truncatingIfNeeded: product)
    }
}
