import Wire

/// When the director's regular work is due.
struct Schedule {
    /// Estimator of rates: every two seconds.
    var nextEstimate: Instant
    /// Defences and schedulers' own clocks: every second.
    var nextSecond: Instant
    /// Look into the trash: every minute.
    var nextTrash: Instant

    /// When the connections of removed servers go; never, while none is due.
    var nextFlush: Instant = .max

    init(at now: Instant) {
        nextEstimate = now + 2 * second
        nextSecond = now + second
        nextTrash = now + 60 * second
    }

    var next: Instant { min(nextEstimate, nextSecond, nextTrash, nextFlush) }

    /// Moves everything on by whole periods so that nothing lies before `now`.
    mutating func skip(to now: Instant) {
        Self.skip(&nextEstimate, 2 * second, now)
        Self.skip(&nextSecond, second, now)
        Self.skip(&nextTrash, 60 * second, now)
    }

    private static func skip(_ moment: inout Instant, _ period: Instant, _ now: Instant) {
        if moment < now { moment += (now - moment + period - 1) / period * period }
    }
}

extension Director {
    /// Lets time pass: timers fire, rates are estimated, fragments are given up. What this makes the director send is in
    /// `outbox` afterwards, without a causing frame.
    /// - Parameter limit: connections that may expire in this call; the rest waits for the next one. Live, it bounds a batch.
    public mutating func advance(to now: Instant, limit: Int = .max) {
        outbox.removeAll()
        guard now > clockwork.now, !servers.isInheriting else { return }
        host.follow()
        followVirtualAddresses()
        takeBackOutdated()
        if now - clockwork.now > 3600 * second { leap(to: now - 600 * second) }
        clockwork.lags = !goOnFlushing(limit)
        while nextMoment <= now, !clockwork.lags {
            let moment = nextMoment
            clockwork.lags = !expireConnections(until: moment, limit)
            guard !clockwork.lags else { break }
            clockwork.reach(moment)
            work(at: moment)
            clockwork.lags = !goOnFlushing(limit)
        }
        if !clockwork.lags { clockwork.lags = !expireConnections(until: now, limit) }
        clockwork.reach(now)
        noteProgress()
    }

    /// More connections were due than might expire at a time: the next call goes on with them.
    public var lags: Bool { clockwork.lags }

    private mutating func tick(_ service: VirtualService, at moment: Instant) {
        service.scheduler?.tick(at: moment)
        if memory.isLent { noteForgotten(by: service) }
    }

    /// A long silence: connections expire in order; rates and defences need not live through every second of it.
    private mutating func leap(to moment: Instant) {
        _ = expireConnections(until: moment, .max)
        for _ in 0..<128 { estimate() }
        clockwork.schedule.skip(to: moment)
        for service in services.all { tick(service, at: moment) }
        clockwork.reach(moment)
    }

    private mutating func work(at moment: Instant) {
        if synchronisation.next <= moment { synchronisation.run(at: moment) }
        if let due = reassembly.nextTimeout, due <= moment { giveUpFragments(at: moment) }
        if let due = nextNeighborTimeout, due <= moment { giveUpNeighbors(at: moment) }
        if clockwork.schedule.nextEstimate <= moment {
            clockwork.schedule.nextEstimate += 2 * second
            if tunables.runEstimation != 0 { estimate() }
        }
        if clockwork.schedule.nextSecond <= moment {
            clockwork.schedule.nextSecond += second
            clockwork.defence.judge(tunables, isShort: connections.isShortOfMemory)
            dropEntries()
            host.network.forgetMTUs(at: moment)
            for service in services.all {
                if let due = service.scheduler?.nextTick, due <= moment { tick(service, at: moment) }
            }
        }
        if clockwork.schedule.nextFlush <= moment {
            clockwork.schedule.nextFlush = .max
            beginFlush()
        }
        if clockwork.schedule.nextTrash <= moment {
            clockwork.schedule.nextTrash += 60 * second
            emptyTrash(at: moment)
        }
    }

    private mutating func expireConnections(until moment: Instant, _ limit: Int) -> Bool {
        clockwork.reach(moment)
        var due: [ConnectionID] = []
        let complete = connections.wheel.advance(to: moment, limit: limit, &due)
        // A template expires after the connections that hang on it, or it would wait a minute for nothing.
        for id in due where connections[id].children == 0 { timeOut(id) }
        for id in due where connections[id].flags.contains(.used) && !connections[id].isFiled { timeOut(id) }
        return complete
    }

    /// When the next incomplete datagram is given up; `nil` when none waits.
    public var nextFragmentTimeout: Instant? { reassembly.nextTimeout }

    /// The next due moment of the director's own work or timers, for a host that wants to sleep until then.
    @inline(__always)
    public var nextMoment: Instant {
        min(clockwork.schedule.next, reassembly.nextTimeout ?? .max, nextNeighborTimeout ?? .max, synchronisation.next)
    }
}
