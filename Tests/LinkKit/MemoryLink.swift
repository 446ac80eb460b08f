public import Links
public import Wire

/// A link without an interface: frames come from an array and leave into one.
public final class MemoryLink: Link {
    /// A frame of its own.
    public struct Copy: Sendable, Equatable {
        public var bytes: [UInt8]
        public var offload: Offload
        /// Which frame of its batch caused it.
        public var cause: Int32

        public init(_ bytes: [UInt8], offload: Offload = Offload(), cause: Int32 = 0) {
            self.bytes = bytes
            self.offload = offload
            self.cause = cause
        }
    }

    public let interface: Int32
    /// Frames that wait to be received, the next one first.
    public private(set) var waiting: [Copy] = []
    /// Frames that were sent, in order.
    public var sent: [Copy] = []
    public private(set) var counters = LinkCounters()
    private let store: FrameStore

    public init(interface: Int32 = 1, frames: [[UInt8]] = []) {
        self.interface = interface
        store = FrameStore(capacity: 64)
        waiting = frames.map { Copy($0) }
    }

    /// Lets a frame arrive.
    public func arrive(_ bytes: [UInt8], offload: Offload = Offload()) {
        waiting.append(Copy(bytes, offload: offload))
    }

    public func receive(into batch: inout Batch) throws(LinkError) {
        var taken = 0
        while !batch.isFull, taken < store.capacity, taken < waiting.count {
            let next = waiting[taken]
            guard next.bytes.count <= FrameStore.room else {
                throw LinkError("memory link \(interface): a frame of \(next.bytes.count) bytes is too long")
            }
            let frame = store.frame(taken, length: next.bytes.count, ingress: interface, offload: next.offload)
            frame.bytes.copy(next.bytes)
            batch.append(frame)
            taken += 1
        }
        waiting.removeFirst(taken)
        counters.received &+= UInt64(taken)
    }

    public func transmit(_ batch: borrowing Batch) throws(LinkError) {
        for index in 0..<batch.count where batch[index].egress == interface {
            sent.append(Copy(batch[index].bytes.array, offload: batch[index].offload, cause: batch[index].cause))
            counters.sent &+= 1
        }
    }
}
