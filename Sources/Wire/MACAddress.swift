/// A 48-bit Ethernet address (IEEE 802), held as a number in its low 48 bits, first octet highest.
@frozen public struct MACAddress: Hashable, Sendable, BitwiseCopyable {
    public var bits: UInt64

    @inlinable @inline(__always)
    public init(bits: UInt64) { self.bits = bits & 0xffff_ffff_ffff }

    public static var zero: MACAddress { MACAddress(bits: 0) }
    public static var broadcast: MACAddress { MACAddress(bits: 0xffff_ffff_ffff) }

    /// Where packets to a multicast group go (RFC 1112 section 6.4, RFC 2464 section 7).
    public static func group(_ address: IPAddress) -> MACAddress {
        let low = address.low & 0xffff_ffff
        return MACAddress(bits: address.isV4 ? 0x0100_5e00_0000 | low & 0x7f_ffff : 0x3333_0000_0000 | low)
    }

    /// Group bit of the first octet: broadcast and multicast.
    @inlinable @inline(__always)
    public var isMulticast: Bool { bits & 0x0100_0000_0000 != 0 }

    /// Six octets separated by colons, in hexadecimal; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 6 else { return nil }
        var bits: UInt64 = 0
        for part in parts {
            guard (1...2).contains(part.utf8.count), part.allSatisfy({ $0.isASCII && $0.isHexDigit }),
                let octet = UInt8(part, radix: 16)
            else { return nil }
            bits = bits << 8 | UInt64(octet)
        }
        self.bits = bits
    }
}

extension MACAddress: CustomStringConvertible {
    public var description: String {
        stride(from: 40, through: 0, by: -8).map { shift in
            let octet = String(UInt8(truncatingIfNeeded: bits >> UInt64(shift)), radix: 16)
            return octet.count == 1 ? "0" + octet : octet
        }.joined(separator: ":")
    }
}

extension Bytes {
    @inlinable @inline(__always)
    public func mac(at offset: Int) -> MACAddress {
        MACAddress(bits: UInt64(big16(at: offset)) << 32 | UInt64(big32(at: offset &+ 2)))
    }

    @inlinable @inline(__always)
    public func setMAC(_ address: MACAddress, at offset: Int) {
        setBig16(UInt16(truncatingIfNeeded: address.bits >> 32), at: offset)
        setBig32(UInt32(truncatingIfNeeded: address.bits), at: offset &+ 2)
    }
}
