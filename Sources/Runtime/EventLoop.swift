import Admin
import CLinux
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
    private var engine: ControlledDirector
    private let packets: PacketLoop
    private let egress: EgressLinks
    private let host: HostSide
    /// The way to the director's host itself: as a real server, as a client.
    private let local: HostLink
    private let control: ControlServer
    private let signals: Signals
    private let reload: Reload<RunFiles.State>
    private let rulesChanges: RulesetNotifications?
    private let rulesReload: Reload<HostRules?>
    private let poller: Poller
    private let log: Log
    private let files: RunFiles
    private let news: LinkNews
    private var tableNews: TableNews
    private let requests: any HostRequests
    private let clients: (any ClientSource)?
    private let busyPoll: Instant
    private var state: RunFiles.State
    /// Descriptors of the links, as registered.
    private var watched: [Int32]
    private var isStopped = false
    /// Services or network have changed since the host side followed.
    private var isBehind = false
    private var lastFollowed: Instant = 0
    /// Generation of the network that was followed last.
    private var followed: UInt32 = 0
    private var nextSecond: Instant = 0
    /// Frames wait for a neighbour.
    private var waits = false
    /// What the log says of rules that are not honoured, as it was said last.
    private var saidOfRules: Set<String> = []

    /// What a ready descriptor is; links are numbered from `firstLink`.
    private enum Token {
        static let signals: UInt64 = 0, network: UInt64 = 1, control: UInt64 = 2, reload: UInt64 = 3, rulesChanges: UInt64 = 4
        static let rulesReload: UInt64 = 5, clients: UInt64 = 6, firstLink: UInt64 = 16
    }
    /// Turns of the packet loop between two looks at everything else.
    private static let turns = 16
    /// Nanoseconds: many changes in a row are followed together, and frames that wait for a neighbour are looked at.
    private static let pause: Instant = 20_000_000

    /// Begins to work: everything is in force when this returns, and frames wait for `run`.
    /// - Parameter start: the words of a case's `run` file that say how the director was made.
    init(_ director: consuming Director, _ setup: Setup, _ state: RunFiles.State, start: String) throws {
        let log = setup.log
        self.log = log
        clients = setup.clients
        busyPoll = setup.busyPoll
        requests = setup.requests
        self.state = state
        self.files = setup.files
        let news = LinkNews(setup.interfaces, log: log)
        self.news = news
        tableNews = TableNews(log: log)
        (control, signals) = (setup.control, setup.signals)
        reload = try Reload(setup.files)
        rulesChanges = setup.rulesChanges
        let files = setup.files
        rulesReload = try Reload { () throws(FileError) in try files.hostRules() }
        poller = try Poller()
        local = HostLink(setup.requests)
        host = HostSide(setup.network, setup.requests, interfaces: setup.interfaces, log: log)
        let complain = { (error: LinkError, interface: Int32) in news.complain(error.description, about: interface) }
        let requests = setup.requests
        let links = setup.links + [local]
        egress = EgressLinks(
            links, open: { interface throws(LinkError) in try requests.openSender(on: interface.name) }, complain: complain)
        packets = PacketLoop(links, egress: egress, complain: complain)
        watched = links.map { _ in -1 }
        engine = ControlledDirector(director)
        engine.interfaces = setup.interfaces
        engine.start = start
        try configure(setup)
    }

    private static var now: Instant { Instant(svs_clock()) }

    /// The first reading of the network, and the files' services.
    private func configure(_ setup: Setup) throws {
        try updateNetwork(&engine)
        for line in state.warnings(files) { log.say(line) }
        let log = log
        try engine.begin(state, of: files, setup.journal) { log.say($0) }
        try follow()
        try poller.watch(signals.descriptor, as: Token.signals)
        try poller.watch(host.descriptor, as: Token.network)
        try poller.watch(control.descriptor, as: Token.control)
        try poller.watch(reload.descriptor, as: Token.reload)
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
            if turns >= Self.turns || !packets.hasWork && !packets.awaitArrivals(for: busyPoll) {
                turns = 0
                for place in try poller.wait(milliseconds: packets.hasWork ? 0 : patience) { try take(poller[place]) }
            }
            repeat { turns += 1 } while try packets.turn(&engine, follow: updateNetwork) && packets.hasWork && turns < Self.turns
            if packets.takeFirstFrame() { requests.firstFrameDirected() }
            try work(at: Self.now)
        }
        packets.giveBack()
        control.close()
        // The next one goes on with what is led.
        if isStopped { local.end() }
        for line in Report(engine.director, packets.links).lines { log.say(line) }
    }

    /// Milliseconds until something is due.
    private var patience: Int32 {
        let now = Self.now
        var due = min(engine.director.nextMoment, nextSecond)
        if let next = host.nextAnnouncement { due = min(due, next) }
        if isBehind { due = min(due, lastFollowed + Self.pause) }
        if waits { due = min(due, now + Self.pause) }
        return Int32(clamping: (max(due - now, 0) + 999_999) / 1_000_000)
    }

    private func take(_ token: UInt64) throws {
        switch token {
        case Token.signals: try takeSignals()
        case Token.network: try updateNetwork(&engine)
        case Token.control: serve()
        case Token.reload: try applyFiles()
        case Token.rulesChanges: if try rulesChanges?.drain() == true { try readRules() }
        case Token.rulesReload: try applyRules()
        case Token.clients: try takeClients()
        default: packets.setReady(Int(token - Token.firstLink))
        }
    }

    private func takeSignals() throws {
        while let signal = signals.next() {
            guard signal == .hangUp else { return isStopped = true }
            try reload.begin()
            noteThreads()
        }
    }

    /// Also while `engine` is at work in the packet loop.
    private func updateNetwork(_ engine: inout ControlledDirector) throws {
        let before = engine.director.network.addresses, waiting = engine.director.waitingAddresses()
        guard try host.update(&engine.director) else { return }
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
    }

    /// Takes the clients that another process has accepted.
    private func takeClients() throws {
        while let client = try clients?.nextClient() { control.adopt(client: client.descriptor, number: client.number) }
        engine.versions = clients?.versions ?? ""
    }

    /// Answers clients that have asked something.
    private func serve() {
        packets.advance(&engine, to: Self.now)
        control.serve(&engine)
        if engine.hasChanged { isBehind = true }
        engine.hasChanged = false
    }

    private func applyFiles() throws {
        guard let result = try reload.finish() else { return }
        noteThreads()
        defer { requests.filesRead() }
        switch result {
        case .failure(let error): log.say("\(error); everything stays as it was")
        case .success(let fresh):
            for line in fresh.warnings(files, replacing: engine.director.serviceCount) { log.say(line) }
            let commands = fresh.apply(to: &engine, since: state) { log.say("\($0.summary): \($1.sentence)") }
            log.say(fresh.summary(since: state, commands: commands))
            state = fresh
            noteFiles()
            isBehind = true
            sayOfRules(state.rules.failures)
        }
    }

    /// The host's netfilter rules have changed.
    private func readRules() throws {
        guard state.rules.givesMarks || state.rules.honours else { return }
        try rulesReload.begin()
        noteThreads()
    }

    private func applyRules() throws {
        guard let result = try rulesReload.finish() else { return }
        noteThreads()
        switch result {
        case .failure(let error): log.say("\(error); the rules stay as they were")
        case .success(let rules):
            guard rules?.rules4 != state.rules.host?.rules4 || rules?.rules6 != state.rules.host?.rules6 else { return }
            engine.recording?.pieces.stop("the host's netfilter rules changed")
            state.rules.host = rules
            engine.rules = state.rules
            state.rules.set(in: &engine.director)
            noteFiles()
            isBehind = true
            log.say("the host's netfilter rules changed and were read again")
            sayOfRules(state.rules.failures)
        }
    }

    private func noteFiles() { engine.note(state) { log.say($0) } }

    /// No copy of the process is made while another thread is at work.
    private func noteThreads() { engine.mayFork = !reload.isUnderWay && !rulesReload.isUnderWay }

    /// Says what is new about rules; what is no longer so may be said once more.
    private func sayOfRules(_ failures: [String]) {
        let lines = failures + engine.director.rulesNotHonoured()
        for line in lines where !saidOfRules.contains(line) { log.say(line) }
        saidOfRules = Set(lines)
    }

    /// What is due.
    private func work(at now: Instant) throws {
        // The director itself learns path MTUs.
        if followed != engine.director.network.generation { isBehind = true }
        if isBehind, now - lastFollowed >= Self.pause {
            do { try follow() } catch { log.say("\(error)") }
        }
        let waited = waits
        waits = packets.release(&engine, at: now)
        if waits || waited { host.resolve(engine.director.wantedNeighbors, at: now) }
        host.sendAnnouncements(at: now) { egress.transmit($0) }
        guard now >= nextSecond else { return }
        nextSecond = now + second
        if engine.recording?.isForgotten == true { engine.recording = nil }
        host.refreshNeighbors(engine.director, at: now)
        requests.isAlive()
        tableNews.follow(engine.director, at: now)
        // Clients that do not read are looked at, and links whose interface is away.
        serve()
        packets.setAllReady()
        try watchLinks()
    }

    /// Makes the host follow the services and the network that there are now.
    private func follow() throws {
        isBehind = false
        defer { (lastFollowed, followed) = (Self.now, engine.director.network.generation) }
        try host.follow(&engine.director, at: Self.now) { filter in
            for case let link as any LiveLink in packets.links { try link.attach(filter) }
        } lead: { traffic, mtu throws(HostError) in
            try local.lead(traffic, mtu: mtu)
        }
        sayOfRules(state.rules.failures)
        try watchLinks()
    }

    /// Registers links that have a descriptor by now.
    private func watchLinks() throws(Errno) {
        for (place, link) in packets.links.enumerated() where link.descriptor != watched[place] {
            try poller.watch(link.descriptor, as: Token.firstLink + UInt64(place))
            watched[place] = link.descriptor
        }
    }
}
