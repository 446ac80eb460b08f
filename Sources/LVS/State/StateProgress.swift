import Wire

/// Where a director stands between two batches, beside its records: what the next one goes on from.
struct StateProgress: BitwiseCopyable {
    var now: Instant = 0
    var generator: UInt64 = 0
    var nextEstimate: Instant = 0
    var nextSecond: Instant = 0
    var nextTrash: Instant = 0
    var nextFlush: Instant = .max
    var clampedSYNs: UInt64 = 0
    var total = Counters()
    var shown = ShownCounters()
}

extension Director {
    /// Notes where the director stands, for the next one: at the end of a batch, of a command, of the time's work. Records
    /// are always up to date; this is what is not worth a store for each packet.
    @inline(__always)
    mutating func noteProgress() {
        if memory.isLent { writeProgress() }
    }

    @inline(never)
    private mutating func writeProgress() {
        guard !servers.isInheriting else { return }
        var progress = StateProgress()
        progress.now = clockwork.now
        progress.generator = clockwork.generator.position
        progress.nextEstimate = clockwork.schedule.nextEstimate
        progress.nextSecond = clockwork.schedule.nextSecond
        progress.nextTrash = clockwork.schedule.nextTrash
        progress.nextFlush = clockwork.schedule.nextFlush
        progress.clampedSYNs = traffic.clampedSYNs
        progress.total = traffic.all
        progress.shown = traffic.estimator
        memory.progress[0].store(progress)
        for service in services.takeTouched() { services.slots.note(service, at: clockwork.now) }
        if host.network.learnedGeneration != learnedMTUs.generation { learnedMTUs.follow(host.network) }
    }

    /// A scheduler has picked: what it knows now is noted at the batch's end, what it remembers of the address at once.
    @inline(never)
    mutating func noteMemory(of scheduler: any Scheduler, _ request: SchedulingRequest, _ service: VirtualService) {
        services.touch(service)
        if let item = scheduler.item(for: request) { remembered.keep(item, of: service.id, at: request.now) }
    }

    /// A scheduler may have forgotten addresses, or is a new one.
    mutating func noteForgotten(by service: VirtualService) {
        guard !servers.isInheriting else { return }
        services.touch(service)
        guard remembered.count(of: service.id) != service.scheduler?.itemCount ?? 0 else { return }
        let known = service.scheduler?.memory(at: clockwork.now).items.map(\.address) ?? []
        remembered.forget(of: service.id, except: Set(known))
    }

    /// Schedulers go on where those of the other director stood.
    mutating func resumeSchedulers() {
        for service in services.all {
            guard let scheduler = service.scheduler, let note = services.slots[service.id].note.record,
                var memory = note.memory(for: scheduler, at: clockwork.now)
            else { continue }
            memory.items = remembered.items(of: service.id, at: clockwork.now)
            if !memory.isEmpty { scheduler.resume(memory, in: candidates(service), at: clockwork.now) }
        }
    }

    /// Path MTUs that the other director learned go on.
    mutating func resumeMTUs() {
        for learned in learnedMTUs.learned(at: clockwork.now) {
            host.network.learnMTU(learned.address, Int(learned.mtu), until: learned.until)
        }
    }

    /// Goes on where the other director stood; how long ago that was.
    mutating func resumeProgress() -> Instant {
        guard let progress = memory.progress[0].record else { return 0 }
        clockwork.generator.position = progress.generator
        traffic.clampedSYNs = progress.clampedSYNs
        traffic.all = progress.total
        traffic.estimator = progress.shown
        let now = clockwork.now
        func resumed(_ moment: Instant, _ latest: Instant, else other: Instant? = nil) -> Instant {
            (0...latest).contains(moment) ? moment : other ?? latest
        }
        clockwork.schedule.nextEstimate = resumed(progress.nextEstimate, clockwork.schedule.nextEstimate)
        clockwork.schedule.nextSecond = resumed(progress.nextSecond, clockwork.schedule.nextSecond)
        clockwork.schedule.nextTrash = resumed(progress.nextTrash, clockwork.schedule.nextTrash)
        clockwork.schedule.nextFlush = resumed(progress.nextFlush, now + Self.moment, else: .max)
        // A long absence: rates and defences need not live through every second of it.
        let missed = max(now - clockwork.schedule.nextEstimate, 0) / RateEstimator.interval
        if missed > 5 || clockwork.schedule.nextSecond < now - 10 * second {
            for _ in 0..<min(missed, 128) { estimate() }
            clockwork.schedule.skip(to: now)
        }
        return max(now &- max(progress.now, 0), 0)
    }
}
