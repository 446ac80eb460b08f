/// The first eight bytes of an ICMP (RFC 792) or ICMPv6 (RFC 4443) message.
@frozen public struct ICMPHeader {
    public let bytes: Bytes

    /// `nil` when fewer than 8 bytes stand there.
    @inlinable @inline(__always)
    public init?(_ bytes: Bytes) {
        guard bytes.count >= 8 else { return nil }
        self.bytes = bytes
    }

    @inlinable public var type: UInt8 { bytes[0] }
    @inlinable public var code: UInt8 { bytes[1] }
    @inlinable public var checksum: UInt16 {
        get { bytes.big16(at: 2) }
        nonmutating set { bytes.setBig16(newValue, at: 2) }
    }
    /// The four bytes behind the checksum: next-hop MTU, identifier and sequence number, pointer.
    @inlinable public var rest: UInt32 {
        get { bytes.big32(at: 4) }
        nonmutating set { bytes.setBig32(newValue, at: 4) }
    }
}

/// ICMP message types that the director handles or sends.
public enum ICMPType {
    @inlinable public static var echoReply: UInt8 { 0 }
    @inlinable public static var unreachable: UInt8 { 3 }
    @inlinable public static var sourceQuench: UInt8 { 4 }
    @inlinable public static var redirect: UInt8 { 5 }
    @inlinable public static var echo: UInt8 { 8 }
    @inlinable public static var timeExceeded: UInt8 { 11 }
    @inlinable public static var parameterProblem: UInt8 { 12 }
    @inlinable public static var timestamp: UInt8 { 13 }
}

/// ICMPv6 message types that the director handles or sends.
public enum ICMPv6Type {
    @inlinable public static var unreachable: UInt8 { 1 }
    @inlinable public static var packetTooBig: UInt8 { 2 }
    @inlinable public static var timeExceeded: UInt8 { 3 }
    @inlinable public static var parameterProblem: UInt8 { 4 }
    @inlinable public static var echo: UInt8 { 128 }
    @inlinable public static var echoReply: UInt8 { 129 }
    @inlinable public static var routerSolicitation: UInt8 { 133 }
    @inlinable public static var neighborSolicitation: UInt8 { 135 }
    @inlinable public static var neighborAdvertisement: UInt8 { 136 }
    @inlinable public static var redirect: UInt8 { 137 }
}
