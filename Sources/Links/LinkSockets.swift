/// What a live link is made of: the sockets that it takes rights to open. Others may hold copies of their descriptors, so
/// that what arrives is kept while nobody reads it.
public struct LinkSockets {
    /// Bound to the interface, with its filter; frames arrive.
    public let receiver: PacketSocket
    /// Bound to the interface; it only sends.
    public let sender: PacketSocket
    /// The shape of the receiver's ring; `nil` where there is none.
    public let ring: RingShape?

    public init(receiver: PacketSocket, sender: PacketSocket, ring: RingShape? = nil) {
        self.receiver = receiver
        self.sender = sender
        self.ring = ring
    }
}

/// How a receive ring lies in memory: blocks of slots, without a gap.
public struct RingShape: Hashable, Sendable {
    /// Bytes of a block.
    public static var blockSize: Int { 1 << 16 }
    public let blocks: Int
    /// Bytes of a slot, a power of two up to a block's.
    public let slotSize: Int

    /// - Returns: `nil` for a shape that no ring has.
    public init?(blocks: Int, slotSize: Int) {
        guard (1...1 << 15).contains(blocks), (2048...Self.blockSize).contains(slotSize), slotSize & (slotSize - 1) == 0 else { return nil }
        self.blocks = blocks
        self.slotSize = slotSize
    }

    /// At least `slots` slots of `slotSize` bytes.
    init(slots: Int, of slotSize: Int) {
        blocks = max(1, (min(slots, 1 << 16) * slotSize + Self.blockSize - 1) / Self.blockSize)
        self.slotSize = slotSize
    }

    public var bytes: Int { blocks * Self.blockSize }
    public var slots: Int { bytes / slotSize }
}
