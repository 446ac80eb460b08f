import CLinux
import Carrying
import LVS
import Links
import Replay
import Wire

/// Frames in and out: receives a batch, has the director direct it, sends what leaves. It makes no system call but those of
/// its links, and waits for nothing.
final class PacketLoop {
    /// Links that frames are taken from, each in its turn.
    let links: [any Link]
    private let egress: EgressLinks
    private let clock: () -> Instant
    /// Hears what has left, so that no frame that it carries overtakes one that is on its way through here.
    private let passage: Passage?
    private let complain: (LinkError, Int32) -> Void
    /// Links that somebody has seen to be ready since they were last asked.
    private var isReady: [Bool]
    /// Links that lend the memory of their frames to threads that send.
    private let lends: [Bool]
    private var batch = Batch(capacity: Director.largestBatch)
    /// Whether a frame has arrived and was directed, and whether somebody has asked for that.
    private var hasDirected = false, isFirstTaken = false
    /// Connections that expire at most before the next batch.
    private static let expiries = 256
    /// Looks for frames between two at the clock.
    private static let looks = 16

    /// - Parameter complain: is told what went wrong with a link, and which interface it is.
    init(
        _ links: [any Link], egress: EgressLinks, carrier: KernelCarrier? = nil, clock: @escaping () -> Instant = { Instant(svs_clock()) },
        complain: @escaping (LinkError, Int32) -> Void
    ) {
        self.links = links
        self.egress = egress
        passage = carrier.map { Passage($0, links, egress.threads) }
        self.clock = clock
        self.complain = complain
        isReady = links.map { _ in true }
        lends = links.map { link in
            guard let threads = egress.threads, let link = link as? any LiveLink else { return false }
            return link.use(threads)
        }
    }

    /// Whether the link of this place is to be waited for by news alone: it has memory out for longer than a turn.
    func waitsForNews(_ place: Int) -> Bool { lends[place] }

    /// True once: when the first frame has been directed.
    func takeFirstFrame() -> Bool {
        guard hasDirected, !isFirstTaken else { return false }
        isFirstTaken = true
        return true
    }

    /// Gives back memory that held frames: they are directed and sent.
    func giveBack() { for case let link as any LiveLink in links { link.giveBack() } }

    /// The link of this place is to be asked.
    func setReady(_ place: Int) { isReady[place] = true }

    /// Every link is to be asked, as those must be that wait for their interface to come back.
    func setAllReady() { for place in isReady.indices { isReady[place] = true } }

    /// Whether a turn may bring frames, or has memory to give back, without anybody waiting before.
    var hasWork: Bool { links.indices.contains { isReady[$0] || !links[$0].wantsPoll } }

    /// Looks for frames without sleeping, for at most so many nanoseconds; true when some have arrived.
    func awaitArrivals(for patience: Instant) -> Bool {
        guard patience > 0 else { return false }
        let end = clock() + patience
        repeat {
            for _ in 0..<Self.looks {
                for place in links.indices where links[place].hasArrivals { isReady[place] = true }
                if isReady.contains(true) { return true }
                svs_relax()
            }
        } while clock() < end
        return false
    }

    /// One turn: time passes, then each link that is ready is read once. False when nothing arrived.
    /// - Parameter follow: takes over what changed on the host, before frames are directed that may have come after it. Asked
    ///   only while addresses wait for the host to have them.
    func turn(_ engine: inout ControlledDirector, follow: (inout ControlledDirector) throws -> Void) rethrows -> Bool {
        let now = clock()
        advance(&engine, to: now)
        var arrived = false
        for place in links.indices where isReady[place] || !links[place].wantsPoll {
            isReady[place] = false
            if try direct(from: place, &engine, at: now, follow) { arrived = true }
        }
        engine.director.handOver()
        passage?.follow(now)
        return arrived
    }

    private func direct(
        from place: Int, _ engine: inout ControlledDirector, at start: Instant, _ follow: (inout ControlledDirector) throws -> Void
    ) rethrows -> Bool {
        let link = links[place]
        batch.removeAll()
        do throws(LinkError) { try link.receive(into: &batch) } catch { complain(error, link.interface) }
        guard !batch.isEmpty else { return false }
        if !engine.director.waitingAddresses().isEmpty { try follow(&engine) }
        if let recording = engine.recording?.pieces {
            // In a case no two batches have the same time: it tells in what order the interfaces had their turn.
            let now = clock()
            advance(&engine, to: now, limit: .max)
            recording.arriving(batch, at: now)
            engine.director.process(&batch, at: now)
            recording.leaving(batch, at: now)
            recording.leaving(engine.director.outbox.batch, at: now)
        } else {
            engine.director.process(&batch, at: start)
        }
        transmitBatch(of: place)
        transmitOutbox(&engine)
        hasDirected = true
        return true
    }

    private func transmitBatch(of place: Int) {
        guard lends[place], let threads = egress.threads, let link = links[place] as? any LiveLink else { return egress.transmit(batch) }
        link.lend(until: egress.handOver(batch, to: threads))
    }

    /// Lets time pass for the director, and sends what its timers send.
    func advance(_ engine: inout ControlledDirector, to now: Instant) { advance(&engine, to: now, limit: Self.expiries) }

    private func advance(_ engine: inout ControlledDirector, to now: Instant, limit: Int) {
        engine.director.advance(to: now, limit: limit)
        transmitLate(&engine, byTimer: true)
    }

    /// Sends frames that have waited for a neighbour which is known now, and what is said about those that waited in vain;
    /// true while others wait.
    func release(_ engine: inout ControlledDirector, at now: Instant) -> Bool {
        engine.director.giveUpFailedNeighbors()
        transmitLate(&engine, byTimer: true)
        let waits = engine.director.releaseWaiting(at: now)
        transmitLate(&engine, byTimer: false)
        return waits
    }

    private func transmitLate(_ engine: inout ControlledDirector, byTimer: Bool) {
        guard !engine.director.outbox.batch.isEmpty else { return }
        engine.recording?.pieces.leavingLate(engine.director.outbox.batch, byTimer: byTimer, at: engine.director.now)
        transmitOutbox(&engine)
    }

    private func transmitOutbox(_ engine: inout ControlledDirector) {
        if !engine.director.outbox.batch.isEmpty { egress.transmit(engine.director.outbox.batch) }
    }
}
