internal import Admin
internal import CLinux
internal import Glibc
internal import Host
public import LVS
internal import Links
internal import Linux

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

    /// Opens everything with this process's own rights. Needs CAP_NET_ADMIN and CAP_NET_RAW.
    /// - Parameter state: what the files say.
    public func start(_ state: RunFiles.State) throws -> EventLoop {
        for name in interfaces where (try? LinkFacts(of: name))?.isLoopback == true {
            throw RunError(
                "interface \(name): nothing for a director arrives at the loopback; name the interface by which clients reach this host")
        }
        let claims = try InterfaceClaims(interfaces, log: log)
        let network = try HostNetwork()
        let requests = try PrivilegedHost()
        let followsRules = files.marksFromHost || files.honoursFirewall
        let rulesChanges = followsRules ? try RulesetNotifications() : nil
        // They may have changed before anybody listened.
        var state = state
        state.rules.host = try files.hostRules()
        // Nobody must answer for the services before they are muted, so nothing arrives until the filter is known.
        let links = try interfaces.map { name in
            let link = try requests.openLink(self.link, on: name)
            if let facts = try? LinkFacts(of: name), facts.hasLRO {
                log.say(
                    "warning: interface \(name) has large receive offload on: merged packets cannot be forwarded; ethtool -K \(name) lro off"
                )
            }
            return link
        }
        var random = SystemRandomNumberGenerator()
        let seed: UInt64 = random.next()
        var director = Director(
            connections: connections, seed: seed, hostEmulation: HostEmulation(isWholeHost: false, ownership: ownership),
            at: Instant(svs_clock()))
        director.neighborPatience = 20_000_000_000
        let signals = try Signals([.terminate, .interrupt, .hangUp])
        let setup = EventLoop.Setup(
            links: links, interfaces: interfaces, network: network, requests: requests, rulesChanges: rulesChanges,
            control: try ControlServer(path: control), signals: signals, files: files, log: log, claims: claims)
        _ = signal(SIGPIPE, SIG_IGN)
        let loop = try EventLoop(director, setup, state, start: "seed \(seed)\nconnections \(connections)\n")
        for key in state.ignored { log.say("note: \(files.sysctl ?? ""): \(key) is of no use to the director") }
        log.say("director on \(interfaces.joined(separator: ", ")), control socket \(control)")
        return loop
    }
}
