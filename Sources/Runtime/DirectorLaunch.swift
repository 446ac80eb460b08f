internal import Admin
internal import CLinux
internal import Glibc
public import Host
public import LVS
internal import Links
internal import Linux
internal import SystemPackage

/// How `svs run` starts a director on this host.
public struct DirectorLaunch {
    /// Names of the interfaces that frames are taken from.
    public var interfaces: [String]
    /// How: one of `LinkRoster`'s schemes.
    public var link: String
    public var files: RunFiles
    /// Path of the control socket.
    public var control: String
    /// Connections that the table can hold.
    public var connections: Int
    /// For which addresses that the host does not have the director answers.
    public var ownership: Ownership
    /// Nanoseconds for which frames are looked for before the director sleeps.
    public var busyPoll: Instant = 0
    /// Threads beside the engine's that send frames, and the processors that the engine's and these run on, in turn.
    public var ioThreads = 0, processors: [Int] = []
    /// Established flows are carried by the kernel, where it can.
    public var carries = false
    /// The log says each command of a client.
    public var logsCommands = false
    public var log: Log

    public init(
        interfaces: [String], link: String, files: RunFiles, control: String, connections: Int, ownership: Ownership, log: Log
    ) {
        self.ownership = ownership
        self.interfaces = interfaces
        self.link = link
        self.files = files
        self.control = control
        self.connections = connections
        self.log = log
    }

    /// What another process gives a director.
    public struct Setup {
        public var requests: any HostRequests
        public var clients: any ClientSource
        public var memory: KeptMemory
        /// Hears of changes of the host's netfilter rules, where they matter.
        public var rulesChanges: RulesetNotifications?
        /// The user that may control the director, beside root.
        public var owner: UInt32

        public init(
            requests: any HostRequests, clients: any ClientSource, memory: KeptMemory, rulesChanges: RulesetNotifications?, owner: UInt32
        ) {
            self.memory = memory
            self.requests = requests
            self.clients = clients
            self.rulesChanges = rulesChanges
            self.owner = owner
        }
    }

    /// Begins to direct what the files say.
    public func start(_ setup: Setup) throws -> EventLoop {
        let journal = Journal(setup.memory.journal.memory, backing: setup.memory.journal.backing), recalled = RecalledState(journal)
        // Commands take their time. What has changed in the rules since they were read last is heard of at once.
        let earlierRules = setup.rulesChanges == nil ? nil : try? RunFiles.State.hostRules(recalled: recalled.texts)
        let state = try files.read(rules: earlierRules)
        let network = try HostNetwork()
        let log = log
        let requests = setup.requests
        // Nobody must answer for the services before they are muted, so nothing arrives until the filter is known.
        let links = try interfaces.map { name in
            let link = try requests.openLink(self.link, on: name)
            if let line = HostWarnings.line(of: name) { log.say(line) }
            return link
        }
        let memory = try setup.memory.stateMemory(connections: connections) { log.say($0) }
        var director = Director(
            in: memory, hostEmulation: HostEmulation(isWholeHost: false, ownership: ownership), at: Instant(svs_clock()))
        director.neighborPatience = 20_000_000_000
        let signals = try Signals([.terminate, .interrupt, .hangUp])
        let clients = setup.clients
        let table = ClientTable(setup.memory.clients)
        let control = try ControlServer(owner: setup.owner, clients: table)
        control.clientGone = { clients.left($0) }
        for client in try clients.clientsAtStart() { control.adopt(client) }
        control.forgetOthers()
        if let loss = journal.finding.loss { log.say("the journal of what was told before: \(loss)") }
        if let first = processors.first {
            do throws(Errno) { try BackgroundThread.pinCurrent(to: first) } catch { throw RunError("--cpus: processor \(first): \(error)") }
        }
        var loopSetup = EventLoop.Setup(
            links: links, interfaces: interfaces, network: network, requests: requests, rulesChanges: setup.rulesChanges,
            control: control, signals: signals, files: files, log: log, busyPoll: busyPoll, clients: clients,
            journal: (recalled, JournalRecorder(journal, recalled, clients: table)), areRulesRecalled: earlierRules != nil,
            asksForAddresses: true, commandLog: logsCommands ? CommandLog(log) : nil)
        if carries {
            do throws(HostError) { loopSetup.carrier = try requests.openCarrier() } catch {
                log.say("note: --carry: \(error); the director sees every frame")
            }
        }
        // Before anything is forbidden to the threads that there are.
        if ioThreads > 0 { loopSetup.threads = try SendingThreads(ioThreads, on: Array(processors.dropFirst())) }
        _ = signal(SIGPIPE, SIG_IGN)
        let loop = try EventLoop(director, loopSetup, state, start: "seed \(memory.seed)\nconnections \(connections)\n")
        for key in state.ignored { log.say("note: \(files.sysctl ?? ""): \(key) is of no use to the director") }
        log.say(StartLine.text(&loop.engine.director, interfaces: interfaces, control: self.control, ioThreads: ioThreads))
        return loop
    }
}
