import Admin
import CLinux
import Carrying
import Glibc
import Host
import LVS
import Links
import Linux
import Replay
import SystemPackage
import Wire

/// Runs a director: packets as long as some arrive, and between two batches what became ready or due besides: commands,
/// signals, the host's network, files read again, time. Each descriptor is registered once; without anything to do the loop
/// sleeps until one is ready or something is due.
public final class EventLoop {
    var engine: ControlledDirector
    let packets: PacketLoop
    private let egress: EgressLinks
    let host: HostSide
    /// The way to the director's host itself: as a real server, as a client.
    let local: HostLink
    private let control: ControlServer
    private let signals: Signals
    let reload: Reload<RunFiles.State>
    let plan: PlanInForce
    private let rulesChanges: RulesetNotifications?
    let rulesReload: Reload<HostRules?>
    private let poller: Poller
    let log: Log
    let files: RunFiles
    private let news: LinkNews
    let setbacks: SetbackNews
    private var tableNews: TableNews
    let requests: any HostRequests
    let sync: SyncSockets
    private let clients: (any ClientSource)?
    let carrier: KernelCarrier?
    private let addresses = AddressWatch(), asksForAddresses: Bool
    private let busyPoll: Instant
    var state: RunFiles.State
    /// Descriptors of the links, as registered.
    private var watched: [Int32]
    private var isStopped = false
    /// Services or network have changed since the host side followed.
    var isBehind = false
    var lastFollowed: Instant = 0
    /// When the host began to follow, and how long it is left in peace afterwards.
    var beganToFollow: Instant = 0, pause = EventLoop.shortestPause
    /// Generation of the network that was followed last.
    var followed: UInt32 = 0
    /// How often, by then, the replies of a removed server had ended.
    var followedFormer: UInt64 = 0
    private var nextSecond: Instant = 0
    /// Frames wait for a neighbour.
    private var waits = false
    /// What files that were read again change and is not carried out yet.
    var changes: PendingChanges?
    /// The host's rules have changed and could not be read.
    var areRulesUnread = false
    /// What the log says of rules that are not honoured, as it was said last.
    var saidOfRules: Set<String> = []

    /// Turns of the packet loop between two looks at everything else.
    private static let turns = 2
    /// Nanoseconds: many changes in a row are followed together, and frames that wait for a neighbour are looked at.
    static let shortestPause: Instant = 20_000_000

    /// Begins to work: everything is in force when this returns, and frames wait for `run`.
    /// - Parameter start: the words of a case's `run` file that say how the director was made.
    init(_ director: consuming Director, _ setup: Setup, _ state: RunFiles.State, start: String) throws {
        let log = setup.log
        self.log = log
        setbacks = SetbackNews(log)
        clients = setup.clients
        carrier = setup.carrier
        asksForAddresses = setup.asksForAddresses
        busyPoll = setup.busyPoll
        requests = setup.requests
        self.state = state
        self.files = setup.files
        let news = LinkNews(setup.interfaces, log: log)
        self.news = news
        tableNews = TableNews(log: log)
        (control, signals) = (setup.control, setup.signals)
        let plan = PlanInForce()
        plan.put(state)
        self.plan = plan
        reload = try Reload(setup.files, since: plan)
        rulesChanges = setup.rulesChanges
        let files = setup.files
        rulesReload = try Reload { () throws(FileError) in try files.hostRules() }
        poller = try Poller()
        local = HostLink(setup.requests)
        sync = SyncSockets(setup.requests, poller, token: Token.sync, log: setup.log)
        host = try HostSide(setup.network, setup.requests, interfaces: setup.interfaces, log: log)
        let complain = { (error: LinkError, interface: Int32) in news.complain(error.description, about: interface) }
        let requests = setup.requests
        let links = setup.links + [local]
        egress = EgressLinks(
            links, threads: setup.threads, open: { interface throws(LinkError) in try requests.openSender(on: interface.name) },
            complain: complain)
        packets = PacketLoop(links, egress: egress, carrier: setup.carrier, complain: complain)
        watched = links.map { _ in -1 }
        engine = ControlledDirector(director)
        engine.interfaces = setup.interfaces
        engine.start = start
        if let commands = setup.commandLog {
            engine.commandLog = commands
            control.carriedOut = { commands.note($0, $1, from: $2) }
        }
        (engine.watch.links, engine.watch.say) = (setup.links, { log.say($0) })
        try configure(setup)
    }

    static var now: Instant { Instant(svs_clock()) }

    /// The first reading of the network, and the files' services.
    private func configure(_ setup: Setup) throws {
        try readNetwork(&engine)
        for line in state.warnings(files) { log.say(line) }
        let log = log
        try engine.begin(state, of: files, setup.journal) { log.say($0) }
        beginToCarry()
        try followNow()
        try poller.watch(signals.descriptor, as: Token.signals)
        try poller.watch(host.descriptor, as: Token.network)
        try poller.watch(control.descriptor, as: Token.control)
        try poller.watch(reload.descriptor, as: Token.reload)
        try poller.watch(host.planDescriptor, as: Token.follow)
        try poller.watch(rulesReload.descriptor, as: Token.rulesReload)
        if let rulesChanges { try poller.watch(rulesChanges.descriptor, as: Token.rulesChanges) }
        if let clients { try poller.watch(clients.descriptor, as: Token.clients) }
        try takeClients()
        if setup.areRulesRecalled { try readRules() }
    }

    /// Runs until a signal ends it.
    public func run() throws {
        var turns = 0
        while !isStopped && clients?.endsForNext != true {
            if clients?.hasHeard == true { try takeClients() }
            if turns >= Self.turns || hasSteps || !packets.hasWork && !packets.awaitArrivals(for: busyPoll) {
                turns = 0
                for place in try poller.wait(milliseconds: packets.hasWork || hasSteps ? 0 : patience) { try take(poller[place]) }
            }
            repeat { turns += 1 } while packets.turn(&engine, follow: updateNetwork) && packets.hasWork && turns < Self.turns
            if packets.takeFirstFrame() { requests.firstFrameDirected() }
            sync.send(&engine.director)
            work(at: Self.now)
        }
        packets.giveBack()
        control.close()
        // The next one goes on with what is led.
        if isStopped { local.end() }
        engine.director.accountCarried()
        for line in Report(engine.director, packets.links, engine.watch.steps).lines { log.say(line) }
    }

    /// Work that is done a step at a time waits for its next one.
    private var hasSteps: Bool { changes != nil || host.wantsTurn || engine.director.lags || engine.journal?.isWriting == true }

    /// Milliseconds until something is due.
    private var patience: Int32 {
        let now = Self.now
        var due = min(engine.director.nextMoment, nextSecond)
        if let next = host.nextAnnouncement { due = min(due, next) }
        if isBehind, !host.isFollowing { due = min(due, lastFollowed + pause) }
        if waits { due = min(due, now + Self.shortestPause) }
        return Int32(clamping: (max(due - now, 0) + 999_999) / 1_000_000)
    }

    private func take(_ token: UInt64) throws {
        guard token < Token.firstLink else { return packets.setReady(Int(token - Token.firstLink)) }
        let began = ControlSteps.clock, name = token == Token.follow ? host.stepName : Token.names[Int(token)]
        defer { engine.watch.steps.note(name, since: began) }
        switch token {
        case Token.signals: takeSignals()
        case Token.network: updateNetwork(&engine)
        case Token.control: serve()
        case Token.reload: setbacks.attempt(token, applyFiles)
        case Token.rulesChanges: setbacks.attempt(token) { if try rulesChanges?.drain() == true { try readRules() } }
        case Token.follow: goOnFollowing()
        case Token.rulesReload: setbacks.attempt(token, applyRules)
        case Token.clients: try takeClients()
        case Token.sync: sync.receive(for: &engine, at: Self.now, packets)
        default: break
        }
    }

    private func takeSignals() {
        while let signal = signals.next() {
            guard signal == .hangUp else { return isStopped = true }
            do { try reload.begin() } catch { log.say("the files cannot be read now: \(error); everything stays as it was") }
            noteThreads()
        }
    }

    /// Also while `engine` is at work in the packet loop.
    private func updateNetwork(_ engine: inout ControlledDirector) { setbacks.attempt(Token.network) { try readNetwork(&engine) } }

    private func readNetwork(_ engine: inout ControlledDirector) throws {
        let before = engine.director.network.addresses, waiting = engine.director.waitingAddresses()
        guard try host.update(&engine.director) else { return }
        engine.director.takeBackOutdated()
        isBehind = true
        // An address that came is not made to wait for others.
        if engine.director.waitingAddresses() != waiting { lastFollowed = 0 }
        if let recording = engine.recording, engine.director.network.addresses != before {
            recording.pieces.changed(addresses: before, to: engine.director.network)
        }
        requests.interfacesChanged()
        egress.follow(engine.director.network.interfaces)
        news.follow(engine.director.network.interfaces)
        packets.setAllReady()
        // Before any frame that comes now: those of a flow that wait for their next hop were first.
        releaseWaiting(&engine, at: Self.now)
    }

    /// Sends the frames that waited for a next hop which is known now, and has those of the others found out.
    private func releaseWaiting(_ engine: inout ControlledDirector, at now: Instant) {
        let waited = waits
        waits = packets.release(&engine, at: now)
        if waits || waited { host.resolve(engine.director.wantedNeighbors, at: now) }
    }

    /// Takes the clients that another process has accepted.
    private func takeClients() throws {
        while let client = try clients?.nextClient() { control.adopt(client) }
        engine.versions = clients?.versions ?? ""
    }

    /// Answers clients that have asked something.
    private func serve() {
        packets.advance(&engine, to: Self.now)
        control.serve(&engine)
        if engine.hasChanged { isBehind = true }
        engine.hasChanged = false
    }

    /// What is due.
    private func work(at now: Instant) {
        if changes != nil { step("files") { continueChanges() } }
        if let journal = engine.journal, journal.isWriting { step("journal") { journal.goOnWriting() } }
        // The director itself learns path MTUs.
        if followed != engine.director.network.generation { isBehind = true }
        if followedFormer != engine.director.formerRepliesEnded { isBehind = true }
        if isBehind, !host.isFollowing, now - lastFollowed >= pause { beginToFollow(at: now) }
        if host.wantsTurn { step(host.stepName) { goOnFollowing() } }
        releaseWaiting(&engine, at: now)
        host.sendAnnouncements(at: now) { egress.transmit($0) }
        guard now >= nextSecond else { return }
        nextSecond = now + second
        step("second") { workOfSecond(at: now) }
    }

    /// Control work whose processor time is noted.
    private func step(_ name: String, _ work: () -> Void) {
        let began = ControlSteps.clock
        defer { engine.watch.steps.note(name, since: began) }
        work()
    }

    private func workOfSecond(at now: Instant) {
        engine.watch.tick(&engine.director, on: engine.interfaces, at: now)
        if asksForAddresses { addresses.ask(&engine.director, on: engine.interfaces, at: now) { egress.transmit($0) } }
        if engine.recording?.isForgotten == true { engine.recording = nil }
        host.refreshNeighbors(engine.director, at: now)
        requests.isAlive()
        lookAtCarrier()
        engine.commandLog?.tick()
        tableNews.follow(engine.director, at: now)
        // Clients that do not read are looked at, links whose interface is away, and what failed the last time.
        serve()
        packets.setAllReady()
        sync.follow(engine.director)
        updateNetwork(&engine)
        if areRulesUnread { setbacks.attempt(Token.rulesChanges, readRules) }
        egress.retry()
        setbacks.attempt(Token.firstLink, watchLinks)
    }

    /// Registers links that have a descriptor by now.
    func watchLinks() throws(Errno) {
        for (place, link) in packets.links.enumerated() where link.descriptor != watched[place] {
            let events: Poller.Events = packets.waitsForNews(place) ? [.readable, .news] : .readable
            try poller.watch(link.descriptor, for: events, as: Token.firstLink + UInt64(place))
            watched[place] = link.descriptor
        }
    }
}
