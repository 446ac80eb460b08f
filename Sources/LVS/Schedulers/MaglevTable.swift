internal import Wire

/// The table of Maglev hashing (Eisenbud and others, NSDI 2016, section 3.4): every server walks over the slots by a step of its
/// own and takes the next free one, in turn, until none is left.
public struct MaglevTable: Sendable {
    /// Slots: a prime, so that every walk visits every slot.
    public let size: Int
    /// The place that serves each slot, -1 for nobody.
    public var slots: [Int32]
    /// Where a server's walk over the slots starts, and every client's slot.
    private let first = SipHash13(both: 2_654_435_761)
    /// How far each step of a server's walk goes.
    private let second = SipHash13(both: 2_654_446_892)

    /// A server as the table sees it.
    public struct Owner: Sendable {
        var place: Int32
        var address: UInt32
        var port: UInt16
        /// Slots that it takes each time it is its turn.
        var turns: Int

        /// - Parameter address: folded to 32 bits.
        public init(place: Int32, address: UInt32, port: UInt16, turns: Int = 1) {
            (self.place, self.address, self.port, self.turns) = (place, address, port, turns)
        }
    }

    /// A table that belongs to nobody.
    public init(size: Int) {
        self.size = size
        slots = [Int32](repeating: -1, count: size)
    }

    /// The slot of a number, as of a client's folded address with its port.
    public func slot(of number: UInt32) -> Int { Int(first.hash(number)) % size }

    /// Gives every slot to one of the owners; to nobody, where there is none.
    public mutating func fill(_ owners: [Owner]) {
        for slot in slots.indices { slots[slot] = -1 }
        if owners.isEmpty { return }
        var walks = owners.map { owner in
            let number = UInt32(owner.port) &+ owner.address
            return (slot: slot(of: number), skip: Int(second.hash(number)) % (size - 1) + 1)
        }
        var left = size
        while true {
            for index in owners.indices {
                for _ in 0..<owners[index].turns {
                    var slot = walks[index].slot
                    while slots[slot] >= 0 {
                        slot += walks[index].skip
                        if slot >= size { slot -= size }
                    }
                    slots[slot] = owners[index].place
                    walks[index].slot = slot
                    left -= 1
                    if left == 0 { return }
                }
            }
        }
    }
}
