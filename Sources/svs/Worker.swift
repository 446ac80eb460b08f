import Admin
import CLinux
import Glibc
import Host
import LVS
import Links
import Replay
import Wire

/// Directs frames in batches: receive, direct, transmit; between batches come commands, the host's changes and time.
final class Worker {
    private var engine: ControlledDirector
    private var batch = Batch(capacity: 64)
    private let links: [any LiveLink]
    /// The way to real servers that are the director itself.
    private let local: HostLink
    /// Links to interfaces that frames leave by but are not taken from.
    private var exits: [any LiveLink] = []
    /// Interfaces that have a link, as last looked up.
    private var reachable: [Int32] = []
    private let host: HostSide
    private let control: ControlServer
    private let signals: Int32
    private let files: RunFiles
    private var state: RunFiles.State
    private var isStopped = false
    /// Services or network have changed since the host side followed.
    private var isBehind = false
    private var lastFollowed: Instant = 0
    private var nextRefresh: Instant = 0
    /// Messages about links that were said last, so that a broken interface does not flood the log.
    private var complaints: [Int32: String] = [:]

    init(_ state: RunFiles.State, files: RunFiles, interfaces: [String], link: LinkKind, control path: String, connections: Int) throws {
        self.files = files
        self.state = state
        host = try HostSide(interfaces: interfaces)
        // Nobody must answer for the services before they are muted, so nothing arrives until the filter is known.
        let nothing = PacketFilter(accepting: [])
        var opened: [any LiveLink] = []
        for name in interfaces {
            opened.append(
                link == .ring ? try RingLink(on: name, filter: nothing, group: nil) : try SocketLink(on: name, filter: nothing, group: nil))
            if let facts = try? LinkFacts(of: name), facts.hasLRO {
                Terminal.complain(
                    "warning: interface \(name) has large receive offload on: merged packets cannot be forwarded; ethtool -K \(name) lro off"
                )
            }
        }
        links = opened
        local = try HostLink()
        var random = SystemRandomNumberGenerator()
        let seed: UInt64 = random.next()
        engine = ControlledDirector(
            Director(connections: connections, seed: seed, hostEmulation: HostEmulation(isWholeHost: false), at: Self.now))
        engine.interfaces = interfaces
        engine.start = "seed \(seed)\nconnections \(connections)\n"
        signals = [SIGTERM, SIGINT, SIGHUP].withUnsafeBufferPointer { svs_signal_descriptor($0.baseAddress, Int32($0.count)) }
        control = try ControlServer(path: path)
        _ = signal(SIGPIPE, SIG_IGN)
        try configure(interfaces)
    }

    private static var now: Instant { Instant(svs_clock()) }

    /// The first reading of network and files.
    private func configure(_ interfaces: [String]) throws {
        _ = try host.update(&engine.director)
        take(state)
        for command in state.plan.changes(from: ServicePlan()) + state.timeouts {
            do throws(CommandError) { try engine.director.apply(command) } catch {
                throw CommandFailure("\(files.services ?? "services"): \(command.summary): \(error.sentence)")
            }
        }
        for key in state.ignored { Terminal.complain("note: \(files.sysctl ?? ""): \(key) is of no use to the director") }
        try follow()
        Terminal.complain("director on \(interfaces.joined(separator: ", ")), control socket \(control.path)")
    }

    /// Makes the host follow the services and the network that there are now.
    private func follow() throws {
        try host.follow(&engine.director, links, at: Self.now)
        try local.route(host.localServers, mtu: host.smallestMTU)
    }

    private func take(_ state: RunFiles.State) {
        engine.director.tunables = state.tunables
        engine.director.marks4 = state.marks4
        engine.director.marks6 = state.marks6
        engine.marks = state.markTexts
    }

    /// Runs until a signal ends it.
    func run() throws {
        var idle = false
        var batches = 0
        while !isStopped {
            idle = try !directBatch()
            batches += 1
            // System calls for the rest are made when nothing arrives, or every so often under load.
            if idle || batches & 15 == 0 { try attend(waiting: idle) }
        }
        control.close()
        local.end()
        report()
    }

    /// One batch of every link; false when nothing arrived.
    private func directBatch() throws -> Bool {
        let now = Self.now
        var arrived = false
        engine.director.advance(to: now, limit: 4096)
        if !engine.director.outbox.batch.isEmpty { transmitOutbox(.timer) }
        for link in links where directBatch(from: link, at: now) { arrived = true }
        if directBatch(from: local, at: now) { arrived = true }
        return arrived
    }

    private func directBatch(from link: any Link, at start: Instant) -> Bool {
        batch.removeAll()
        do throws(LinkError) { try link.receive(into: &batch) } catch { complain(link, error) }
        guard !batch.isEmpty else { return false }
        guard let recording = engine.recording else {
            engine.director.process(&batch, at: start)
            transmit(batch)
            if !engine.director.outbox.batch.isEmpty { transmitOutbox() }
            return true
        }
        // In a case no two batches have the same time: it tells in what order the interfaces had their turn.
        let now = Self.now
        engine.director.advance(to: now)
        if !engine.director.outbox.batch.isEmpty { transmitOutbox(.timer) }
        recording.pieces.arriving(batch, at: now)
        engine.director.process(&batch, at: now)
        recording.pieces.leaving(batch, at: now)
        recording.pieces.leaving(engine.director.outbox.batch, at: now)
        transmit(batch)
        if !engine.director.outbox.batch.isEmpty { transmitOutbox() }
        return true
    }

    /// What lets the director send something without a batch.
    private enum Occasion { case timer, neighbor }

    private func transmitOutbox(_ occasion: Occasion? = nil) {
        if let occasion {
            engine.recording?.pieces.leavingLate(engine.director.outbox.batch, byTimer: occasion == .timer, at: engine.director.now)
        }
        transmit(engine.director.outbox.batch)
    }

    private func transmit(_ batch: borrowing Batch) {
        for i in 0..<batch.count where batch[i].egress > 0 { openExit(batch[i].egress) }
        for link in links { transmit(batch, on: link) }
        for exit in exits { transmit(batch, on: exit) }
        transmit(batch, on: local)
    }

    private func transmit(_ batch: borrowing Batch, on link: any Link) {
        do throws(LinkError) { try link.transmit(batch) } catch { complain(link, error) }
    }

    /// Routes may lead out of an interface that no frames are taken from: it gets a link that only sends.
    private func openExit(_ interface: Int32) {
        guard !reachable.contains(interface) else { return }
        reachable = links.map(\.interface) + exits.map(\.interface)
        guard !reachable.contains(interface) else { return }
        reachable.append(interface)
        guard let name = engine.director.network.interface(interface)?.name else { return }
        do throws(LinkError) { exits.append(try SocketLink(on: name, filter: PacketFilter(accepting: []), group: nil)) } catch {
            complain(local, error)
        }
    }

    private func complain(_ link: any Link, _ error: LinkError) {
        guard complaints[link.interface] != error.description else { return }
        complaints[link.interface] = error.description
        Terminal.complain(error.description)
    }

    /// Commands, signals, the host's network and neighbours. Waits for something to happen when there is nothing to do.
    private func attend(waiting: Bool) throws {
        var polled = [
            pollfd(fd: signals, events: Int16(POLLIN), revents: 0), pollfd(fd: host.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        let watches = control.watches
        polled += watches.map { pollfd(fd: $0.descriptor, events: $0.events, revents: 0) }
        let firstLink = polled.count
        var mayWait = waiting
        for link in links + [local] as [any Link] {
            polled.append(pollfd(fd: link.descriptor, events: Int16(POLLIN), revents: 0))
            if !link.wantsPoll { mayWait = false }
        }
        _ = poll(&polled, nfds_t(polled.count), mayWait ? patience : 0)
        let now = Self.now
        var changed = false
        if polled[0].revents != 0 { try signalled(); changed = true }
        if polled[1].revents != 0, try host.update(&engine.director) { changed = true }
        let ready = polled[2..<firstLink].filter { $0.revents != 0 }.map(\.fd)
        if !ready.isEmpty {
            engine.director.advance(to: now, limit: 4096)
            if !engine.director.outbox.batch.isEmpty { transmitOutbox(.timer) }
            control.serve(ready, target: &engine)
            if engine.hasChanged { changed = true }
            engine.hasChanged = false
        }
        if changed { isBehind = true }
        // Many changes in a row are followed together.
        if isBehind, now - lastFollowed >= 20_000_000 {
            isBehind = false
            do { try follow() } catch { Terminal.complain("\(error)") }
            lastFollowed = Self.now
        }
        engine.director.releaseWaiting(at: now)
        if !engine.director.outbox.batch.isEmpty { transmitOutbox(.neighbor) }
        host.work(&engine.director, at: now)
        if now >= nextRefresh {
            nextRefresh = now + 1_000_000_000
            if engine.recording?.isForgotten == true { engine.recording = nil }
            host.refreshNeighbors(engine.director, at: now)
        }
    }

    /// Milliseconds that poll may wait: not past the director's next timer, and short while frames wait for a neighbour.
    private var patience: Int32 {
        engine.director.wantedNeighbors.isEmpty && !isBehind
            ? Int32(clamping: max((engine.director.nextMoment - Self.now) / 1_000_000, 1)) : 20
    }

    private func signalled() throws {
        while true {
            switch svs_signal_next(signals) {
            case 0: return
            case SIGHUP: reload()
            default: isStopped = true
            }
        }
    }

    /// SIGHUP: the files are read again; what changed in them is applied, what others added stays.
    private func reload() {
        let fresh: RunFiles.State
        do throws(FileError) { fresh = try files.read() } catch {
            Terminal.complain("\(error); everything stays as it was")
            return
        }
        take(fresh)
        engine.recording?.pieces.stop("the director read its files again")
        let commands = fresh.plan.changes(from: state.plan) + (fresh.timeouts == state.timeouts ? [] : fresh.timeouts)
        for command in commands {
            do throws(CommandError) { try engine.apply(command) } catch { Terminal.complain("\(command.summary): \(error.sentence)") }
        }
        state = fresh
        Terminal.complain("files read again: \(commands.count) changes")
    }

    /// What was done, by reason, for the log; and what the links have lost.
    private func report() {
        var words = engine.director.verdicts.all.map { "\($0.verdict.name) \($0.frames)" }
        if engine.director.clampedSYNs > 0 { words.append("SYNs with a lowered MSS \(engine.director.clampedSYNs)") }
        for link in links {
            let name = engine.director.network.interface(link.interface)?.name ?? "interface \(link.interface)"
            let counters = link.counters
            let losses = [
                ("missed", counters.missed), ("truncated", counters.truncated), ("queue full", counters.queueFull),
                ("refused", counters.refused),
            ]
            let said = losses.filter { $0.1 > 0 }.map { "\($0.0) \($0.1)" }
            if !said.isEmpty { Terminal.complain("\(name): frames lost: \(said.joined(separator: ", "))") }
        }
        Terminal.complain("ended" + (words.isEmpty ? "" : ": " + words.joined(separator: ", ")))
    }
}
