import Carrying
import LVS
import Links

/// Finds out until when everything that stood in the rings has left, and tells the carrier: no frame that it carries may overtake one
/// that is on its way through here.
///
/// It takes a moment, looks how far each ring is filled, and waits until the director has sent as much; then it takes the next one.
final class Passage {
    private let carrier: KernelCarrier
    private let links: [any LiveLink]
    private let threads: SendingThreads?
    /// The moment, if one is waited for, and what each ring must have come to.
    private var moment: Instant?
    private var goals: [UInt64]
    /// The number of the threads' batch behind which all of it is, once that is known.
    private var lastBatch: UInt64?

    init(_ carrier: KernelCarrier, _ links: [any Link], _ threads: SendingThreads?) {
        self.carrier = carrier
        self.links = links.compactMap { $0 as? any LiveLink }
        self.threads = threads
        goals = self.links.map { _ in 0 }
    }

    /// A turn has ended that began at `start`; what it brought is sent or handed to the threads.
    func follow(_ start: Instant) {
        if moment == nil { begin(start) }
        guard let moment, hasPassed else { return }
        carrier.noteThrough(moment)
        self.moment = nil
    }

    private func begin(_ start: Instant) {
        moment = start
        lastBatch = nil
        for place in links.indices { goals[place] = links[place].arrivals }
    }

    private var hasPassed: Bool {
        guard links.indices.allSatisfy({ links[$0].passage >= goals[$0] }) else { return false }
        guard let threads else { return true }
        let last = lastBatch ?? threads.handed
        lastBatch = last
        return threads.isOver(last)
    }
}
