public import Wire

/// Checksums computed as their texts define them, one byte or bit at a time: the twins of the fast ones in Wire.
public enum SlowChecksum {
    /// RFC 1071: what belongs into a checksum field for `bytes`.
    public static func internet(_ bytes: [UInt8]) -> UInt16 {
        var sum = 0
        for (i, byte) in bytes.enumerated() {
            sum += i.isMultiple(of: 2) ? Int(byte) << 8 : Int(byte)
            if sum > 0xffff { sum = sum - 0x10000 + 1 }
        }
        return UInt16(0xffff - sum)
    }

    /// The checksum of a TCP, UDP or ICMPv6 message with the pseudo-header of its family in front.
    public static func transport(_ message: [UInt8], from source: IPAddress, to destination: IPAddress, proto: UInt8) -> UInt16 {
        internet(pseudoHeader(from: source, to: destination, proto: proto, length: message.count) + message)
    }

    /// RFC 9293 section 3.1 or RFC 8200 section 8.1.
    public static func pseudoHeader(from source: IPAddress, to destination: IPAddress, proto: UInt8, length: Int) -> [UInt8] {
        let addresses = octets(source) + octets(destination)
        return source.isV4 ? addresses + [0, proto] + big(UInt16(length)) : addresses + big(UInt32(length)) + [0, 0, 0, proto]
    }

    /// CRC32c (RFC 9260 appendix A), bit by bit, as the four bytes that stand in an SCTP header.
    public static func crc32c(_ bytes: [UInt8]) -> [UInt8] {
        var remainder = UInt32.max
        for byte in bytes {
            remainder ^= UInt32(byte)
            for _ in 0..<8 {
                remainder = remainder & 1 == 1 ? remainder >> 1 ^ 0x82f6_3b78 : remainder >> 1
            }
        }
        return big((~remainder).byteSwapped)
    }
}
