import Host
import LVS
import Links
import Wire

/// The director's standing with the host beside it: the host's network followed, the host's stack muted for what the director
/// handles, virtual addresses that only the director has announced, next hops resolved.
final class HostSide {
    private let source: any NetworkSource
    private let requests: any HostRequests
    private let log: Log
    private let announcer = Announcer()
    private let interfaces: [String]
    private var suppressed: SuppressedTraffic?
    /// The director's interfaces as they were last seen.
    private var known: [Network.Interface] = []
    private var lastRefusal: HostError?
    private var announced: Set<IPAddress> = []
    /// Addresses that nobody has.
    private var waiting: Set<IPAddress> = []
    private var announcements = Batch(capacity: Announcer.frames)
    /// Why what the host itself sends could not be led, as it was said last.
    private var leadRefusal: HostError?
    private var servicesNotLed = 0

    /// - Parameter interfaces: names of those that frames are taken from.
    init(_ source: any NetworkSource, _ requests: any HostRequests, interfaces: [String], log: Log) {
        self.source = source
        self.requests = requests
        self.interfaces = interfaces
        self.log = log
    }

    /// Readable when the host's network may have changed.
    var descriptor: Int32 { source.descriptor }

    /// Takes over what changed in the host's network, and says once what of its routing cannot be followed.
    func update(_ director: inout Director) throws(HostError) -> Bool {
        let isDifferent = try source.update(&director.network)
        for reason in source.newlyUnfollowed() { log.say("warning: \(reason)") }
        return isDifferent
    }

    /// Mutes, announces and filters for the services that there are now.
    /// - Parameters:
    ///   - attach: gives the links a filter, before the host is muted for what it lets through.
    ///   - lead: leads the host's own traffic to the director; every interface of that carries packets of so many bytes.
    func follow(
        _ director: inout Director, at now: Instant, attach: (PacketFilter) throws -> Void,
        lead: (OwnTraffic, _ mtu: Int) throws(HostError) -> Void
    ) throws {
        let derived = DerivedHostState(&director)
        var wanted = derived.suppressed
        wanted.interfaces = interfaces
        let present = director.network.interfaces.filter { interfaces.contains($0.name) }
        if wanted != suppressed || present != known {
            if wanted != suppressed {
                try attach(PacketFilter(accepting: derived.captureMatches, everyICMP: derived.translates || derived.tunnels))
            }
            try requests.suppress(wanted)
            suppressed = wanted
        }
        try leadOwn(derived.ownTraffic, mtu: present.map(\.mtu).min() ?? 1500, by: lead)
        announce(derived.owned, present, director.network.forwards6, at: now)
        known = present
        tellHolders(derived.waiting, director.network)
        if derived.servicesNotLed > servicesNotLed {
            log.say("warning: this host itself does not reach \(derived.servicesNotLed) services by the director: too many rules")
        }
        servicesNotLed = derived.servicesNotLed
    }

    /// Leads what the host itself sends. Without the requests that it makes as a client the director is still of use to everybody
    /// else.
    private func leadOwn(_ traffic: OwnTraffic, mtu: Int, by lead: (OwnTraffic, _ mtu: Int) throws(HostError) -> Void) throws(HostError) {
        do throws(HostError) {
            try lead(traffic, mtu)
            leadRefusal = nil
        } catch {
            guard traffic.answers.isEmpty else { throw error }
            if error != leadRefusal { log.say("warning: this host itself does not reach its services by the director: \(error)") }
            leadRefusal = error
        }
    }

    /// Says which addresses wait for somebody to have them, and which wait no more.
    private func tellHolders(_ now: Set<IPAddress>, _ network: Network) {
        let fresh = now.subtracting(waiting), come = waiting.subtracting(now).filter { network.isLocal($0) }
        waiting = now
        if !fresh.isEmpty {
            log.say("waiting: \(Self.list(fresh)): not on this host, and not to be owned (svs run --own)")
        }
        if !come.isEmpty { log.say("on this host now: \(Self.list(come))") }
    }

    /// The first few addresses, and how many more there are.
    private static func list(_ addresses: Set<IPAddress>) -> String {
        let shown = addresses.sorted().prefix(8).map { "\($0)" }.joined(separator: ", ")
        return addresses.count > 8 ? "\(shown) and \(addresses.count - 8) more" : shown
    }

    /// Announces what is new; everything on an interface that came up, or has another MAC than before.
    private func announce(_ owned: [IPAddress], _ present: [Network.Interface], _ isRouter: Bool, at now: Instant) {
        let fresh = Set(owned).subtracting(announced), gone = announced.subtracting(owned)
        announced = Set(owned)
        for interface in present {
            announcer.withdraw(gone, on: interface.index)
            let before = known.first { $0.name == interface.name }
            let isNew = before?.index != interface.index || before?.mac != interface.mac || before?.isUp != interface.isUp
            guard interface.isUp, isNew || !fresh.isEmpty else { continue }
            announcer.announce(isNew ? announced : fresh, on: interface.index, mac: interface.mac, isRouter: isRouter, at: now)
        }
        for before in known where !present.contains(where: { $0.index == before.index }) {
            announcer.withdraw(announced.union(gone), on: before.index)
        }
    }

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
