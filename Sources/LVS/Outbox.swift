public import Wire

/// Frames that the director makes itself during a batch: ICMP messages, resets, fragments, segments, copies. One arena of
/// fixed size, empty again at the next batch.
public struct Outbox: ~Copyable {
    /// The frames in the order in which they were made, each with the number of the frame that caused it.
    public private(set) var batch: Batch
    private let arena: Slab<UInt64>
    private var used = 0

    /// Free bytes in front of each frame, enough for any outer header.
    static var headroom: Int { 128 }

    init(frames: Int = 8192, bytes: Int = 16 << 20) {
        batch = Batch(capacity: frames)
        arena = Slab(capacity: bytes / 8)
    }

    mutating func removeAll() {
        batch.removeAll()
        used = 0
    }

    /// Room for a frame of `length` bytes, not yet among those that are sent; `nil` when the batch has used up the arena.
    mutating func room(for length: Int) -> Frame? {
        let words = (length + Self.headroom + 71) / 8
        guard length >= 0, used + words <= arena.capacity, !batch.isFull else { return nil }
        let start = unsafe arena.mutableAddress(checked: used)
        used += words
        return unsafe Frame(buffer: UnsafeMutableRawPointer(start), capacity: words * 8, headroom: Self.headroom, length: length)
    }

    /// Room for at least `count` elements that are to be remembered until the batch ends, whatever stands there now; `nil` when
    /// the batch has used up the arena.
    mutating func room<Element>(for count: Int, of _: Element.Type) -> SlabView<Element>? {
        let words = (count * MemoryLayout<Element>.stride + 7) / 8
        guard count > 0, used + words <= arena.capacity else { return nil }
        let memory = unsafe UnsafeMutableRawBufferPointer(start: arena.mutableAddress(checked: used), count: words * 8)
        used += words
        return unsafe SlabView(memory)
    }

    /// A copy of a frame, offload included.
    mutating func copy(_ frame: Frame) -> Frame? {
        guard var copy = room(for: frame.count) else { return nil }
        copy.bytes.copy(frame.bytes)
        copy.offload = frame.offload
        copy.ingress = frame.ingress
        return copy
    }

    /// Sends a frame made here on its way; false when there is no place left for it.
    mutating func emit(_ frame: Frame, on interface: Int32, causedBy cause: Int32) -> Bool {
        var leaving = frame
        leaving.egress = interface
        return batch.append(leaving, causedBy: cause)
    }
}
