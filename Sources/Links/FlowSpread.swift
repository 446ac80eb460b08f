internal import Wire

extension Frame {
    /// A number that the frames of one flow and direction have in common: made of the addresses, and of the ports of TCP and UDP in
    /// packets that are no fragments. Flows that differ have different ones, evenly spread. 0 for what is no IP packet.
    @inline(__always)
    var spread: UInt32 {
        let bytes = bytes
        guard let ethernet = EthernetHeader(bytes) else { return 0 }
        let start = ethernet.length
        switch ethernet.type {
        case EtherType.ipv4 where bytes.count >= start &+ 20:
            let ports = start &+ Int(bytes[start] & 15) &* 4
            var sum = bytes.big32(at: start &+ 12).mixed(with: bytes.big32(at: start &+ 16))
            if bytes.big16(at: start &+ 6) & 0x3fff == 0, Self.hasPorts(bytes[start &+ 9]), bytes.count >= ports &+ 4 {
                sum = sum.mixed(with: bytes.big32(at: ports))
            }
            return sum
        case EtherType.ipv6 where bytes.count >= start &+ 40:
            var sum: UInt32 = 0
            for word in 0..<8 { sum = sum.mixed(with: bytes.big32(at: start &+ 8 &+ word &* 4)) }
            if Self.hasPorts(bytes[start &+ 6]), bytes.count >= start &+ 44 { sum = sum.mixed(with: bytes.big32(at: start &+ 40)) }
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
