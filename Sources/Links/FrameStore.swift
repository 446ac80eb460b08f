internal import Glibc
public import Wire

/// Equal buffers for frames, each with room in front for an outer header and as long as the longest superframe; memory
/// that is never touched is never used.
public final class FrameStore {
    /// Free bytes in front of each frame: an outer IPv6 + UDP + GUE header and a VLAN tag fit several times.
    public static var headroom: Int { 256 }
    /// The longest frame: a 64 kB superframe with its link header and tags, and some room to grow.
    public static var room: Int { 69_376 }

    public let capacity: Int
    private let memory: Slab<UInt8>
    private var base: UnsafeMutableRawPointer { withUnsafeMutablePointer(to: &memory[0]) { UnsafeMutableRawPointer($0) } }
    /// Not a whole number of pages, so that the frames' headers do not all want the same few places of the cache.
    private static var stride: Int { headroom + room + 5 * 64 }

    public init(capacity: Int) {
        self.capacity = capacity
        memory = Slab(capacity: capacity * Self.stride)
    }

    /// Where the bytes of frame number `index` begin.
    public func start(_ index: Int) -> UnsafeMutableRawPointer {
        precondition(index >= 0 && index < capacity)
        return base + (index * Self.stride + Self.headroom)
    }

    /// Buffer number `index` as a frame of `length` bytes.
    public func frame(_ index: Int, length: Int, ingress: Int32, offload: Offload = Offload()) -> Frame {
        Frame(
            buffer: start(index) - Self.headroom, capacity: Self.stride, headroom: Self.headroom, length: length,
            ingress: ingress, offload: offload)
    }

    /// A copy of `frame` in buffer number `index`, or nil when it is too long.
    public func copy(_ frame: borrowing Frame, to index: Int) -> Frame? {
        guard frame.count <= Self.room else { return nil }
        var copy = self.frame(index, length: frame.count, ingress: frame.ingress, offload: frame.offload)
        copy.bytes.copy(frame.bytes)
        copy.egress = frame.egress
        copy.cause = frame.cause
        return copy
    }
}
