/// One Ethernet frame in a buffer that somebody else owns (a ring slot, a pool, the engine's arena), with room in front
/// for an outer header and behind for growth. It stays within its buffer; whoever lends the buffer keeps it alive.
@safe @frozen public struct Frame: BitwiseCopyable {
    @usableFromInline let buffer: UnsafeMutableRawPointer
    @usableFromInline let capacity: Int32
    /// Free bytes before the frame.
    public var headroom: Int32
    @usableFromInline var length: Int32
    /// Index of the network interface that the frame came in on.
    public var ingress: Int32
    /// Index of the interface that it leaves on; 0 while it stays.
    public var egress: Int32
    /// Which frame of the batch caused this one: its own place for a received frame.
    public var cause: Int32
    public var offload: Offload

    /// A frame of `length` bytes that begins `headroom` bytes into a buffer of `capacity` bytes.
    @inlinable @inline(__always)
    public init(
        buffer: UnsafeMutableRawPointer, capacity: Int, headroom: Int, length: Int, ingress: Int32 = 0,
        offload: Offload = Offload()
    ) {
        precondition(headroom >= 0 && length >= 0 && headroom &+ length <= capacity)
        unsafe self.buffer = buffer
        self.capacity = Int32(truncatingIfNeeded: capacity)
        self.headroom = Int32(truncatingIfNeeded: headroom)
        self.length = Int32(truncatingIfNeeded: length)
        self.ingress = ingress
        self.egress = 0
        self.cause = 0
        self.offload = offload
    }

    @inlinable @inline(__always)
    public var count: Int { Int(length) }

    /// The frame from its destination MAC to its last byte.
    @inlinable @inline(__always)
    public var bytes: Bytes { unsafe Bytes(buffer + Int(headroom), count: Int(length)) }

    /// Free bytes behind the frame.
    @inlinable @inline(__always)
    public var tailroom: Int { Int(capacity &- headroom &- length) }

    /// Moves the start `count` bytes forward (removing) or, when negative, backward (making room); false when the
    /// buffer has no such room.
    @inlinable @inline(__always)
    public mutating func moveStart(by count: Int) -> Bool {
        guard count <= Int(length), Int(headroom) &+ count >= 0 else { return false }
        headroom &+= Int32(truncatingIfNeeded: count)
        length &-= Int32(truncatingIfNeeded: count)
        return true
    }

    /// Sets the length, keeping the start; false when the buffer is too small.
    @inlinable @inline(__always)
    public mutating func resize(to count: Int) -> Bool {
        guard count >= 0, count <= Int(capacity &- headroom) else { return false }
        length = Int32(truncatingIfNeeded: count)
        return true
    }
}
