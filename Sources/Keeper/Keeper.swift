internal import Admin
internal import CLinux
internal import Glibc
internal import Host
internal import LVS
internal import Linux
internal import Runtime
internal import SystemPackage
internal import Wire

/// `svs run`: holds what must outlive a director and what takes rights, and sees to it that there is a director.
///
/// It opens the sockets, keeps the control socket and its clients, keeps the host's stack off what is directed, and does the
/// few privileged things that the director asks for (`DirectorRequest`). The director, the same program in a process of its
/// own and without rights, parses every frame and every file; it may end at any time, and the next one goes on where it
/// stood. The keeper parses neither.
public final class Keeper {
    let configuration: Configuration
    let poller: Poller
    private let signals: Signals
    let claims: InterfaceClaims
    let clients: ControlClients
    let privileged: PrivilegedService
    private(set) var memory: HeldMemory
    private(set) var director: DirectorProcess?
    private let sweeper: Sweeper
    let supervisor: ServiceSupervisor
    /// Names of the descriptors that the supervisor keeps for the next keeper.
    var stored: Set<String> = []
    /// When the supervisor is to hear a sign of life, and when the director has given one last.
    var nextSign: Instant = 0
    var lastAlive: Instant = 0
    /// What is to be proved to the program that this process was before.
    var succession: Succession?
    var upgrade: Upgrade?
    /// How often an upgrade was asked for, and how the last one went.
    var attempts = 0
    var outcome = ""
    /// When the last director that worked ended, as long as no other one works.
    private var unattended: Instant?
    /// When the last director ended.
    private(set) var ended: Instant?
    private var policy = RestartPolicy()
    private let crashFiles: CrashFiles
    /// When the next director is started, while there is none.
    var due: Instant? = 0
    /// A director has worked since this process began.
    private var hasWorked = false
    /// Clients that the director could not be told of yet, because it has too much to read.
    private var untold: [UInt64] = []
    /// Somebody has asked for the files to be read again, and nobody was there to do it.
    private var hangsUp = false
    /// Somebody has asked for the end.
    private(set) var isEnding = false
    private var status: Int32?
    /// Clients could not be let in, which was said; and when that is tried again.
    var refusedClients = false
    var listensAgain: Instant?
    /// The control socket's failure that was said last.
    var controlFailure: ControlError?

    enum Token { static let signals: UInt64 = 0, claims: UInt64 = 1, clients: UInt64 = 2, director: UInt64 = 3, probe: UInt64 = 4 }
    /// Nanoseconds that a director may take to end.
    static let longestEnd: Instant = 5 * second
    /// Nanoseconds for which flows are carried while no director works.
    private static let longestUnattended: Instant = 5 * second

    /// Needs CAP_NET_ADMIN and CAP_NET_RAW, and the right to become another user.
    public init(_ configuration: Configuration) throws {
        self.configuration = configuration
        for name in configuration.interfaces where (try? LinkFacts(of: name))?.isLoopback == true {
            throw RunError(
                "interface \(name): nothing for a director arrives at the loopback; name the interface by which clients reach this host")
        }
        let inherited = configuration.inherited
        supervisor = ServiceSupervisor(configuration.environment.values)
        stored = Set(inherited.all.map(\.name).filter(Self.isStorable))
        succession = Succession(configuration.environment, inherited, at: Self.now)
        // A director of the program before has worked.
        (hasWorked, ended) = (succession != nil, succession?.ended)
        claims = try InterfaceClaims(configuration.interfaces, inheriting: inherited, log: configuration.log)
        poller = try Poller()
        privileged = try PrivilegedService(configuration, inheriting: inherited)
        memory = try Self.memory(configuration)
        crashFiles = CrashFiles(in: memory.folder?.path)
        clients = try ControlClients(configuration, inheriting: inherited)
        sweeper = try Sweeper("/proc/self/exe", sockets: clients.paths)
        signals = try Signals([.terminate, .interrupt, .hangUp, .childEnded, .user2])
        for name in inherited.closeRest() where !Self.isStorable(name) { configuration.log.say("note: descriptor \(name) is of no use") }
        _ = signal(SIGPIPE, SIG_IGN)
        try poller.watch(signals.descriptor, as: Token.signals)
        try poller.watch(claims.descriptor, as: Token.claims)
        for listener in clients.listeners { try poller.watch(listener, as: Token.clients) }
    }

    static var now: Instant { Instant(svs_clock()) }

    /// Runs until a signal ends it, or until its first director finds that it cannot work.
    /// - Returns: the exit status.
    public func run() throws -> Int32 {
        defer {
            clients.close()
            privileged.stopCarrying()
            // What never worked leaves nothing that was not there before.
            if !hasWorked, memory.isNew { memory.folder?.removeAll() }
        }
        while true {
            if let status { return status }
            try startIfDue()
            for place in try poller.wait(milliseconds: patience) { try take(poller[place]) }
            try lookAfter()
        }
    }

    /// Milliseconds until something is due.
    private var patience: Int32 {
        let now = Self.now
        let retry = untold.isEmpty ? nil : now + 50 * millisecond
        let sign = supervisor.watchdog == nil ? nil : nextSign
        let next = [due, director?.deadline, retry, sign, succession?.deadline, upgrade?.deadline].compactMap { $0 }.min() ?? now + second
        return Int32(clamping: (max(min(next, now + second) - now, 0) + 999_999) / 1_000_000)
    }

    private func take(_ token: UInt64) throws {
        switch token {
        case Token.signals: takeSignals()
        case Token.claims: claims.answer()
        case Token.clients: acceptClients()
        case Token.probe: followUpgrade()
        default: serveDirector()
        }
    }

    private func takeSignals() {
        while let signal = signals.next() {
            switch signal {
            case .hangUp: hangUp()
            case .childEnded:
                noteEnd()
                followUpgrade()
            case .user2: beginUpgrade()
            case .windowChanged: break
            case .terminate, .interrupt:
                supervisor.tell(.stopping)
                succession?.dismissGuardian()
                guard let director else { status = 0; return }
                isEnding = true
                director.send(SIGTERM)
                director.deadline = director.deadline ?? Self.now + Self.longestEnd
            }
        }
    }

    /// Has the files read again; by a director that begins, when it is ready to hear of it.
    private func hangUp() {
        supervisor.tell(.reloading)
        if let director, director.isWorking { director.send(SIGHUP) } else { hangsUp = true }
    }

    // MARK: the director

    private func startIfDue() throws {
        guard director == nil, let due, Self.now >= due else { return }
        self.due = nil
        let started = try DirectorProcess(
            "/proc/self/exe", configuration.arguments, memory.descriptors(beside: sweeper.held), at: Self.now)
        try FileService.start(
            on: started.files, files: configuration.files.paths,
            commands: configuration.files.readsHostRules ? HostRules.commands : [])
        try poller.watch(started.channel.descriptor, as: Token.director)
        director = started
        untold = []
        for number in clients.numbers { tellDirector(of: number) }
        tellVersions()
        try started.channel.send(KeeperEvent.clientsTold.bytes, waits: false)
    }

    func tellDirector(of client: UInt64) {
        guard let director, let known = clients.client(client) else { return }
        let event = KeeperEvent.client(client, onlyLooks: known.onlyLooks)
        do throws(Errno) { try director.channel.send(event.bytes, [known.descriptor], waits: false) } catch {
            if error == .wouldBlock { untold.append(client) }
        }
    }

    /// Reads what the director asks, at most what one turn may take.
    private func serveDirector() {
        guard let director else { return }
        do throws(Errno) {
            for _ in 0..<64 {
                guard let message = try director.channel.receive(waits: false) else { return }
                try serve(DirectorRequest(message.bytes), of: director)
            }
        } catch {
            poller.forget(director.channel.descriptor)
            // It is about to end, and its exit tells how.
            if error == .connectionReset { return director.deadline = Self.now + Self.longestEnd }
            configuration.log.say("director \(director.number) says what is no request (\(error)); it is killed")
            director.send(SIGKILL)
        }
    }

    private func serve(_ request: DirectorRequest?, of director: DirectorProcess) throws(Errno) {
        switch request {
        case nil: throw .badMessage
        case .working:
            director.isWorking = true
            unattended = nil
            memory.directorWorks()
            hasWorked = true
            directorWorks(director)
            if let ended {
                configuration.log.say(
                    "director \(director.number) directs, \((Self.now - ended) / millisecond) ms after the end of the last one")
            }
            if hangsUp { director.send(SIGHUP) }
            hangsUp = false
        case .firstFrame: director.hadFrames = true
        case .alive: lastAlive = Self.now
        case .filesRead: supervisor.tell(.ready)
        case .clientLeft(let number): clients.forget(number)
        case .framesInHand(let count, let pcap): configuration.log.say(crashFiles.keep(Int(count), pcap: pcap))
        case .interfacesChanged:
            claims.follow { name in
                let index = if_nametoindex(name)
                return index == 0 ? nil : Int32(bitPattern: index)
            }
        case .some(let request):
            let (answer, descriptors) = privileged.answer(request)
            if request.wantsAnswer { try director.channel.send(answer.bytes, descriptors, waits: false) }
            store()
            if let refusal = privileged.takeRefusal() { try director.channel.send(KeeperEvent.refusal(refusal).bytes, waits: false) }
        }
    }

    /// Takes notice of a director's end and decides about the next one.
    private func noteEnd() {
        guard let director, let end = director.end() else { return }
        // What it asked last counts: a client that it let go, for example.
        serveDirector()
        poller.forget(director.channel.descriptor)
        self.director = nil
        let now = Self.now
        ended = now
        unattended = unattended ?? now
        if isEnding { return status = end == .exit(0) || end == .signal(SIGTERM) ? 0 : 1 }
        if isSucceeded(after: end) { return }
        if !hasWorked, case .exit(let said) = end, said != 0 { return status = said }
        let decision = policy.ended(after: now - director.started, hadFrames: director.hadFrames)
        due = now + decision.pause
        let next = decision.pause == 0 ? "the next one starts" : "the next one starts in \(decision.pause / millisecond) ms"
        configuration.log.say("director \(director.number) ended (\(end)); \(next)")
        supervisor.tell(.status("director \(director.number) ended (\(end)); \(next)"))
        if decision.setsStateAside { setStateAside() }
    }

    /// The next director begins with what the files say: what those before it were told and knew may be what ends them.
    private func setStateAside() {
        do throws(RunError) {
            memory = try memory.setAside()
            configuration.log.say("\(RestartPolicy.suspicion) directors in a row had no frame: what they knew is set aside")
        } catch { configuration.log.say("what the directors knew cannot be set aside: \(error)") }
    }

    /// What is looked at every second or so.
    private func lookAfter() throws {
        let again = untold
        untold = []
        for number in again { tellDirector(of: number) }
        if let director, let deadline = director.deadline, Self.now >= deadline {
            configuration.log.say("director \(director.number) does not end; it is killed")
            director.send(SIGKILL)
            director.deadline = Instant.max
        }
        if let unattended, Self.now - unattended >= Self.longestUnattended { privileged.stopCarrying() }
        giveSign()
        followUpgrade()
        listenAgain()
        restoreControl()
    }
}
