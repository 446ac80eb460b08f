/// The slots of a ring whose frames others send, by the batches in which they were handed over.
struct SlotLoans {
    private struct Loan {
        var slots: Int
        var batch: UInt64
    }

    let threads: SendingThreads
    /// Oldest first.
    private var loans: [Loan] = []
    /// Superframes that came through the queue, kept in two places in turn; and the last batch that each of them lent.
    private let stores = [FrameStore(capacity: RingLink.mostSuperframes), FrameStore(capacity: RingLink.mostSuperframes)]
    private var turn = 0
    private var lastBatches: [UInt64] = [0, 0]

    init(to threads: SendingThreads) { self.threads = threads }

    /// Where the next superframes go, when the last ones there are sent.
    func nextStore() -> FrameStore {
        threads.waitFor(lastBatches[turn])
        return stores[turn]
    }

    mutating func add(_ slots: Int, _ batch: UInt64, usedStore: Bool) {
        if usedStore {
            lastBatches[turn] = batch
            turn ^= 1
        }
        loans.append(Loan(slots: slots, batch: batch))
    }

    /// Takes out the oldest batch that is sent, and waits for that when more than `most` are under way.
    /// - Returns: its slots; `nil` when all that are left are under way.
    mutating func takeEnded(leaving most: Int) -> Int? {
        guard let oldest = loans.first else { return nil }
        if loans.count > most { threads.waitFor(oldest.batch) }
        guard threads.isOver(oldest.batch) else { return nil }
        loans.removeFirst()
        return oldest.slots
    }
}
