import Host
import LVS
import Links
import Linux
import SystemPackage
import Wire

/// The director's standing with the host beside it: the host's network followed, the host's stack muted for what the director
/// handles, virtual addresses that only the director has announced, next hops resolved.
///
/// The host follows services and network in stages, none of which keeps frames waiting: services are looked at a few at a time, a
/// thread works out what is to be done, the kernel is asked and not waited for.
final class HostSide {
    private enum Step {
        /// Nothing is to be done.
        case idle
        /// Services are looked at, from a place of the listing on.
        case reading(InventoryPlace)
        /// The thread is at work.
        case planning
        case muting(HostPlan)
        /// The kernel has done its part.
        case muted(HostPlan, HostError?)
        case leading(HostPlan)
        /// The host's own traffic is led, or is not.
        case led(HostPlan, HostError?)
        /// Addresses are announced, some of them by now.
        case announcing(HostPlan, from: Int)
    }

    private let source: any NetworkSource
    private let requests: any HostRequests
    private let log: Log
    private let announcer = Announcer()
    private let interfaces: [String]
    private let task: BackgroundTask<HostPlan>
    private var stage = Step.idle
    /// Those that were looked at so far.
    private var services: [ServiceRecord] = []
    private var before = HostPlan.EarlierState()
    /// Rules that are passed over, as of the last time that the host followed.
    private(set) var notHonoured: [String] = []
    /// What keeps the host from doing its part is to be said when it is next looked at.
    var warns = false
    private var lastRefusal: HostError?
    private var announcements = Batch(capacity: Announcer.frames)
    /// Why what the host itself sends could not be led, as it was said last.
    private var leadRefusal: HostError?
    private var servicesNotLed = 0
    /// Addresses of which the announcement is begun at a time.
    private static let burst = 256
    /// Services and servers that are looked at between two looks at the clock.
    private static let page = 32

    /// - Parameter interfaces: names of those that frames are taken from.
    init(_ source: any NetworkSource, _ requests: any HostRequests, interfaces: [String], log: Log) throws(Errno) {
        self.source = source
        self.requests = requests
        self.interfaces = interfaces
        self.log = log
        task = try BackgroundTask()
    }

    /// Readable when the host's network may have changed.
    var descriptor: Int32 { source.descriptor }
    /// Readable when the thread has ended.
    var planDescriptor: Int32 { task.descriptor }

    /// Takes over what changed in the host's network, and says once what of its routing cannot be followed.
    func update(_ director: inout Director) throws(HostError) -> Bool {
        let isDifferent = try source.update(&director.network)
        for reason in source.newlyUnfollowed() { log.say("warning: \(reason)") }
        return isDifferent
    }

    // MARK: following

    /// The host is on its way to follow.
    var isFollowing: Bool { if case .idle = stage { false } else { true } }
    /// The thread is at work.
    var isPlanning: Bool { task.isUnderWay }
    /// `goOn` has something to do at once.
    var wantsTurn: Bool {
        switch stage {
        case .reading, .muted, .led, .announcing: true
        case .idle, .planning, .muting, .leading: false
        }
    }

    /// What `goOn` does next, for people.
    var stepName: String {
        switch stage {
        case .idle: "host"
        case .reading: "host: services"
        case .planning: "host: plan"
        case .muting: "host: muting"
        case .muted: "host: muted"
        case .leading, .led: "host: own traffic"
        case .announcing: "host: announcements"
        }
    }

    /// Begins to follow what there is now.
    func begin() {
        services = []
        stage = .reading(InventoryPlace())
    }

    /// Goes the next step.
    /// - Parameters:
    ///   - attach: gives the links a filter, before the host is muted for what it lets through.
    ///   - lead: leads the host's own traffic to the director, and tells what came of it; waits where nobody is to be told.
    ///   - waits: for the thread and the kernel, too.
    /// - Returns: whether the host has followed. After an error it has not, and `begin` is next.
    func goOn(
        _ director: inout Director, at now: Instant, waits: Bool = false, attach: (PacketFilter) throws -> Void,
        lead: (HostPlan, _ done: ((HostError?) -> Void)?) throws(HostError) -> Void
    ) throws -> Bool {
        let current = stage
        // Whatever throws leaves nothing half done.
        stage = .idle
        switch current {
        case .idle: return false
        case .reading(let place): try read(&director, from: place, waits: waits, attach)
        case .planning:
            stage = .planning
            if let plan = task.finish() { try carryOut(plan, waits: waits, attach) }
        case .muting: stage = current
        case .muted(let plan, let refusal):
            if let refusal { throw refusal }
            before.suppressed = plan.suppressed
            leadOwn(plan, waits: waits, by: lead)
        case .leading: stage = current
        case .led(let plan, let refusal):
            if plan.leads { try noteLed(plan, refusal) }
            sayOfServicesNotLed(plan)
            announce(plan, at: now)
        case .announcing(let plan, let place):
            let end = min(place + Self.burst, plan.fresh.count)
            for interface in plan.present where interface.isUp {
                announcer.announce(
                    plan.fresh[place..<end], on: interface.index, mac: interface.mac, isRouter: plan.isRouter, at: now)
            }
            if end < plan.fresh.count { stage = .announcing(plan, from: end) } else { return finish(plan) }
        }
        return false
    }

    private func read(
        _ director: inout Director, from place: InventoryPlace, waits: Bool, _ attach: (PacketFilter) throws -> Void
    ) throws {
        var next: InventoryPlace? = place
        let end = ControlSteps.clock + 500_000
        while let place = next, waits || ControlSteps.clock < end {
            let page = director.services(from: place, limit: Self.page)
            if page.isContinued, let last = services.indices.last, services[last].key == page.services[0].key {
                services[last].servers += page.services[0].servers
                services += page.services.dropFirst()
            } else {
                services += page.services
            }
            next = page.next
        }
        if let next { return stage = .reading(next) }
        let input = HostStateInput(&director, services: services)
        services = []
        let before = before, interfaces = interfaces, warns = warns
        let codec = requests.codec
        let plan: @Sendable () -> HostPlan = { HostPlan(input, since: before, on: interfaces, warns: warns, codec: codec) }
        guard !waits else { return try carryOut(plan(), waits: true, attach) }
        try task.begin(plan)
        self.warns = false
        stage = .planning
    }

    private func carryOut(_ plan: HostPlan, waits: Bool, _ attach: (PacketFilter) throws -> Void) throws {
        if let filter = plan.filter { try attach(filter) }
        guard plan.mutes else { return stage = .muted(plan, nil) }
        guard !waits else {
            try requests.suppress(plan.suppressed)
            return stage = .muted(plan, nil)
        }
        stage = .muting(plan)
        requests.suppress(plan.suppressed, packed: plan.request) { [weak self] refusal in self?.stage = .muted(plan, refusal) }
    }

    /// Leads what the host itself sends.
    private func leadOwn(
        _ plan: HostPlan, waits: Bool, by lead: (HostPlan, _ done: ((HostError?) -> Void)?) throws(HostError) -> Void
    ) {
        guard plan.leads else { return stage = .led(plan, nil) }
        before.led = nil
        stage = .leading(plan)
        do throws(HostError) {
            try lead(plan, waits ? nil : { [weak self] refusal in self?.stage = .led(plan, refusal) })
            if waits { stage = .led(plan, nil) }
        } catch { stage = .led(plan, error) }
    }

    /// Without the requests that the host makes as a client the director is still of use to everybody else.
    private func noteLed(_ plan: HostPlan, _ refusal: HostError?) throws(HostError) {
        if let refusal {
            guard plan.ownTraffic.answers.isEmpty else { throw refusal }
            if refusal != leadRefusal { log.say("warning: this host itself does not reach its services by the director: \(refusal)") }
        } else {
            before.led = plan.ownTraffic
        }
        leadRefusal = refusal
    }

    private func sayOfServicesNotLed(_ plan: HostPlan) {
        if plan.servicesNotLed > servicesNotLed {
            log.say("warning: this host itself does not reach \(plan.servicesNotLed) services by the director: too many rules")
        }
        servicesNotLed = plan.servicesNotLed
    }

    /// Announces everything on an interface that came up, or has another MAC than before; what is new comes later.
    private func announce(_ plan: HostPlan, at now: Instant) {
        for interface in plan.present {
            announcer.withdraw(plan.gone, on: interface.index)
            let old = before.known.first { $0.name == interface.name }
            let isNew = old?.index != interface.index || old?.mac != interface.mac || old?.isUp != interface.isUp
            guard interface.isUp, isNew else { continue }
            announcer.announce(
                before.announced.intersection(plan.owned), on: interface.index, mac: interface.mac, isRouter: plan.isRouter, at: now)
        }
        for old in before.known where !plan.present.contains(where: { $0.index == old.index }) {
            announcer.withdraw(before.announced, on: old.index)
        }
        stage = .announcing(plan, from: 0)
    }

    private func finish(_ plan: HostPlan) -> Bool {
        (before.known, before.announced, before.waiting) = (plan.present, plan.owned, plan.waiting)
        if !plan.newlyWaiting.isEmpty {
            log.say("waiting: \(Self.list(plan.newlyWaiting)): not on this host, and not to be owned (svs run --own)")
        }
        if !plan.come.isEmpty { log.say("on this host now: \(Self.list(plan.come))") }
        for line in plan.warnings { log.say(line) }
        notHonoured = plan.notHonoured
        return true
    }

    /// The first few addresses, and how many more there are.
    private static func list(_ addresses: Set<IPAddress>) -> String {
        let shown = addresses.sorted().prefix(8).map { "\($0)" }.joined(separator: ", ")
        return addresses.count > 8 ? "\(shown) and \(addresses.count - 8) more" : shown
    }

    // MARK: announcements and neighbours

    /// When `sendAnnouncements` has something to do; `nil` when nothing is to be announced any more.
    var nextAnnouncement: Instant? { announcer.due }

    /// Hands over the announcements that are due, as frames that leave.
    func sendAnnouncements(at now: Instant, _ transmit: (borrowing Batch) -> Void) {
        guard let due = announcer.due, due <= now else { return }
        announcements.removeAll()
        announcer.advance(to: now, into: &announcements)
        transmit(announcements)
    }

    /// Has the next hops resolved that frames wait for.
    func resolve(_ wanted: [Network.NeighborKey], at now: Instant) {
        requests.resolve(wanted, at: now)
        guard let refusal = requests.lastRefusal, refusal != lastRefusal else { return }
        lastRefusal = refusal
        log.say("\(refusal)")
    }

    /// Keeps the kernel's neighbour entries of the servers fresh, which no packet of the kernel's own does.
    func refreshNeighbors(_ director: borrowing Director, at now: Instant) {
        requests.refresh(director.usedNeighbors.filter { !source.isStatic($0) }, at: now)
    }
}
