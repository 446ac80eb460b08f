public import Links
public import Wire

/// A link that loses, repeats and damages frames of the link it holds, both ways, by a seeded generator: the same seed
/// makes the same faults.
public final class FaultyLink: Link {
    /// How often each fault happens, in parts of a thousand frames. A damaged frame has one bit turned over.
    public struct Faults: Sendable, Equatable {
        public var lost: Int
        public var repeated: Int
        public var damaged: Int
        /// In parts of a thousand calls: the link throws, as one whose interface is gone.
        public var refused: Int

        public init(lost: Int = 0, repeated: Int = 0, damaged: Int = 0, refused: Int = 0) {
            self.lost = lost
            self.repeated = repeated
            self.damaged = damaged
            self.refused = refused
        }
    }

    /// Frames that met each fault.
    public private(set) var met = Faults()
    /// Frames that were received from it.
    public private(set) var handedOver = 0
    private let link: any Link
    public var faults: Faults
    private var generator: SeededGenerator
    private var source = Batch(capacity: 32)
    /// Frames of `source` that were delivered already.
    private var delivered = 0
    private var outgoing = Batch(capacity: 64)
    /// Copies of received frames that repeat or damage; and of sent ones.
    private let receivedCopies = FrameStore(capacity: 64)
    private let sentCopies = FrameStore(capacity: 64)

    public init(_ link: any Link, faults: Faults, seed: UInt64) {
        self.link = link
        self.faults = faults
        generator = SeededGenerator(seed: seed)
    }

    public var interface: Int32 { link.interface }
    public var descriptor: Int32 { link.descriptor }
    public var wantsPoll: Bool { link.wantsPoll && delivered == source.count }
    public var counters: LinkCounters { link.counters }

    public func receive(into batch: inout Batch) throws(LinkError) {
        try refuse()
        let first = batch.count
        // Where a whole answer was lost the link is asked again, as an empty batch means that nothing is there.
        for _ in 0..<64 where batch.count == first {
            // Frames live until the held link is asked again, so a call hands out frames of one of its answers only.
            if delivered == source.count {
                source.removeAll()
                delivered = 0
                try link.receive(into: &source)
                if source.isEmpty { return }
            }
            var copies = 0
            while delivered < source.count, !batch.isFull {
                pass(source[delivered], into: &batch, receivedCopies, &copies)
                delivered += 1
            }
        }
        for index in first..<batch.count { batch[index].cause = Int32(truncatingIfNeeded: index) }
        handedOver += batch.count - first
    }

    public func transmit(_ batch: borrowing Batch) throws(LinkError) {
        try refuse()
        var copies = 0
        outgoing.removeAll()
        for index in 0..<batch.count where batch[index].egress == interface {
            pass(batch[index], into: &outgoing, sentCopies, &copies)
            // Room for one more frame and its repetition.
            if outgoing.count + 2 > outgoing.capacity {
                try link.transmit(outgoing)
                outgoing.removeAll()
                copies = 0
            }
        }
        if !outgoing.isEmpty { try link.transmit(outgoing) }
    }

    private func refuse() throws(LinkError) {
        guard happens(faults.refused) else { return }
        met.refused += 1
        throw LinkError("interface \(interface): a fault")
    }

    private func pass(_ frame: borrowing Frame, into batch: inout Batch, _ store: FrameStore, _ copies: inout Int) {
        if happens(faults.lost) { return met.lost += 1 }
        if happens(faults.damaged), frame.count > 0, let damaged = store.copy(frame, to: copies) {
            copies += 1
            met.damaged += 1
            let bit = Int(generator.next() % UInt64(frame.count * 8))
            damaged.bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            batch.append(damaged, causedBy: frame.cause)
        } else {
            batch.append(frame, causedBy: frame.cause)
        }
        if happens(faults.repeated), !batch.isFull, let again = store.copy(frame, to: copies) {
            copies += 1
            met.repeated += 1
            batch.append(again, causedBy: frame.cause)
        }
    }

    private func happens(_ rate: Int) -> Bool { rate > 0 && generator.next() % 1000 < UInt64(rate) }
}
