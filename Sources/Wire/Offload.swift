/// What a network card or the kernel left undone on a frame: the virtio_net_hdr (virtio 1.2 section 5.1.6) that travels
/// with it over PACKET_VNET_HDR.
///
/// A frame with a partial checksum holds only the pseudo-header sum in its checksum field; a superframe stands for
/// several segments of `segmentSize` payload bytes each. Numbers are in host order.
@frozen public struct Offload: Hashable, Sendable, BitwiseCopyable {
    public var flags: UInt8
    public var segmentation: UInt8
    /// Ethernet, IP and transport header together, in bytes; a hint.
    public var headerLength: UInt16
    /// Payload bytes in each segment (gso_size).
    public var segmentSize: UInt16
    /// Where the checksum begins, from the start of the frame.
    public var checksumStart: UInt16
    /// Where it is stored, from `checksumStart`.
    public var checksumOffset: UInt16

    @inlinable @inline(__always)
    public init(
        flags: UInt8 = 0, segmentation: UInt8 = 0, headerLength: UInt16 = 0, segmentSize: UInt16 = 0,
        checksumStart: UInt16 = 0, checksumOffset: UInt16 = 0
    ) {
        self.flags = flags
        self.segmentation = segmentation
        self.headerLength = headerLength
        self.segmentSize = segmentSize
        self.checksumStart = checksumStart
        self.checksumOffset = checksumOffset
    }

    /// Bytes of the header on the socket and in `vnet` files.
    public static var length: Int { 10 }

    public static var needsChecksum: UInt8 { 1 }
    public static var none: UInt8 { 0 }
    public static var tcp4: UInt8 { 1 }
    public static var udpFragments: UInt8 { 3 }
    public static var tcp6: UInt8 { 4 }
    public static var udpSegments: UInt8 { 5 }

    /// The kind of segmentation without the ECN bit.
    @inlinable @inline(__always)
    public var kind: UInt8 { segmentation & 0x7f }

    @inlinable @inline(__always)
    public var isSuperframe: Bool { segmentation & 0x7f != 0 }

    @inlinable @inline(__always)
    public var hasPartialChecksum: Bool { flags & 1 != 0 }

    @inlinable @inline(__always)
    public var isPlain: Bool { flags & 1 == 0 && segmentation & 0x7f == 0 }

    /// Ten bytes as the kernel lays them out on a little-endian machine.
    public init(_ bytes: Bytes) {
        self.init(
            flags: bytes[0], segmentation: bytes[1], headerLength: bytes.big16(at: 2).byteSwapped,
            segmentSize: bytes.big16(at: 4).byteSwapped, checksumStart: bytes.big16(at: 6).byteSwapped,
            checksumOffset: bytes.big16(at: 8).byteSwapped)
    }

    public func write(to bytes: Bytes) {
        bytes[0] = flags
        bytes[1] = segmentation
        bytes.setBig16(headerLength.byteSwapped, at: 2)
        bytes.setBig16(segmentSize.byteSwapped, at: 4)
        bytes.setBig16(checksumStart.byteSwapped, at: 6)
        bytes.setBig16(checksumOffset.byteSwapped, at: 8)
    }
}
