import ArgumentParser
import Keeper
import LVS
import Links
import Linux
import Runtime

/// How frames are taken from an interface: one of the roster's schemes.
struct LinkOption: ExpressibleByArgument {
    var scheme: String

    init?(argument: String) {
        guard LinkRoster.schemes.contains(argument) else { return nil }
        scheme = argument
    }

    init() { scheme = LinkRoster.schemes[0] }

    var defaultValueDescription: String { scheme }
    static var allValueStrings: [String] { LinkRoster.schemes }
}

/// What becomes of packets that the host's own netfilter rules drop.
enum FirewallOption: String, ExpressibleByArgument, CaseIterable { case honour, ignore }

/// Who carries established flows.
enum CarryOption: String, ExpressibleByArgument, CaseIterable { case tc, off }

/// What a director is told on the command line; the keeper and the director read the same words.
struct RunOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Services, as ipvsadm-save writes them.", valueName: "file"), completion: .file())
    var services: String?
    @Option(help: ArgumentHelp("Marks for IPv4, as iptables-save writes them.", valueName: "file"), completion: .file())
    var marks: String?
    @Option(help: ArgumentHelp("Marks for IPv6, as ip6tables-save writes them.", valueName: "file"), completion: .file())
    var marks6: String?
    @Flag(help: "Take the marks from the host's own rules (nft, iptables-save), followed as they change.") var marksFromHost = false
    @Option(
        help: ArgumentHelp(
            "What becomes of packets that the host's own rules drop before IPVS's place: honour drops them too, ignore directs them.",
            valueName: "honour|ignore"))
    var firewall = FirewallOption.honour
    @Option(help: ArgumentHelp("Switches, as sysctl.conf has them (net.ipv4.vs.*).", valueName: "file"), completion: .file())
    var sysctl: String?
    @Option(
        name: .customLong("interface"), help: ArgumentHelp("Interface to take frames from; repeat for more.", valueName: "interface"),
        completion: Completions.interfaces)
    var interfaces: [String] = []
    @Option(
        name: .customLong("control"),
        help: ArgumentHelp(
            "Socket that svs adm and ipvsadm speak to (default: \(AdmCommandLine.socket), with --name DIR/NAME/control).", valueName: "path"
        ), completion: .file())
    var controlPath: String?
    @Option(
        help: ArgumentHelp(
            "Socket at which the group svs may look, and do nothing else (default: \(Self.usualMonitor) beside the usual control socket).",
            valueName: "path|none"), completion: .file())
    var monitor: String?
    @Option(
        help: ArgumentHelp(
            "Folder on a tmpfs in which services and connections outlive svs run, or none (default: \(Self.usualState)).",
            valueName: "dir|none"), completion: .directory)
    var state: String?
    @Option(help: ArgumentHelp("This director's own folder in that one (default: made of the control socket's path).", valueName: "name"))
    var name: String?
    @Flag(help: "Begin with the files alone: what an earlier svs run left is not taken over.") var fresh = false
    @Option(help: ArgumentHelp("Connections that the table can hold.", valueName: "n")) var connections = 1 << 20
    @Option(
        help: ArgumentHelp(
            "Virtual addresses to answer and announce where the host does not have them: all, none or addresses.",
            valueName: "all|addr,..."))
    var own = Ownership.none
    @Option(help: ArgumentHelp("User that the director becomes; without it svs, or nobody where there is no svs.", valueName: "name"))
    var user: String?
    @Option(
        help: ArgumentHelp(
            "How the log is written: plain (with priorities where it goes to the journal) or json.", valueName: "plain|json"))
    var logFormat = LogForm.plain
    @Flag(help: "Log each command of a client: its user and process, and what it has done.") var logCommands = false
    @Option(help: ArgumentHelp("How frames are taken: ring (mapped memory) or socket (recvmmsg).", valueName: "ring|socket"))
    var link = LinkOption()
    @Option(
        help: ArgumentHelp(
            "Microseconds to look for frames in the ring before sleeping: less latency, for a processor that is never idle.",
            valueName: "usec"))
    var busyPoll = 0

    @Option(
        help: ArgumentHelp(
            "Who carries established flows: tc has the kernel do it at the interface's ingress, off leaves them to the director.",
            valueName: "tc|off"))
    var carry = CarryOption.off

    @OptionGroup var threads: ThreadOptions

    private static let usualState = "/run/svs"
    static let usualMonitor = "/run/svs/monitor.sock"
    private static let nowhere = "none"

    /// Where the state outlives the keeper; `nil` for nowhere.
    var statePlace: Keeper.StatePlace? {
        guard state != Self.nowhere else { return nil }
        return Keeper.StatePlace(
            directory: state ?? Self.usualState, name: name ?? Keeper.StatePlace.name(control: control),
            isAskedFor: state != nil || name != nil, isFresh: fresh)
    }

    /// Where those knock who may only look. A director with a control socket of its own has such a place where it is asked for.
    var monitorPlace: Keeper.MonitorPlace? {
        guard let path = monitor ?? (control == AdmCommandLine.socket ? Self.usualMonitor : nil), path != Self.nowhere else { return nil }
        return Keeper.MonitorPlace(path: path, group: Rights.usualGroup, isAskedFor: monitor != nil)
    }

    private var canLend: Bool { link.scheme == RingLink.scheme }
    var ioThreads: Int { threads.ioThreads.number(canLend: canLend) }

    var control: String { controlPath ?? name.map { "\(state ?? Self.usualState)/\($0)/control" } ?? AdmCommandLine.socket }

    func validate() throws {
        if let name {
            guard !name.isEmpty, !name.hasPrefix("."), !name.contains("/") else {
                throw ValidationError("--name: '\(name)' is no name of a folder")
            }
            guard state != Self.nowhere else { throw ValidationError("--name is that of a folder, and --state none has none") }
        }
        guard monitor != "" else { throw ValidationError("--monitor: a path, or none") }
        guard state != "" else { throw ValidationError("--state: a folder, or none") }
        guard Set(interfaces).count == interfaces.count else { throw ValidationError("--interface: an interface is named twice") }
        guard (16...1 << 28).contains(connections) else { throw ValidationError("--connections: 16 to \(1 << 28) are possible") }
        guard !marksFromHost || marks == nil && marks6 == nil else {
            throw ValidationError("--marks-from-host stands instead of --marks and --marks6")
        }
        guard (0...10_000).contains(busyPoll) else { throw ValidationError("--busy-poll: 0 to 10000 microseconds are possible") }
        guard busyPoll == 0 || link.scheme == RingLink.scheme else {
            throw ValidationError("--busy-poll: only a ring can be looked at (--link ring)")
        }
        guard carry == .off || link.scheme == RingLink.scheme else {
            throw ValidationError("--carry: only beside a ring can flows be carried (--link ring)")
        }
        if case .exactly(1...) = threads.ioThreads, !canLend {
            throw ValidationError("--io-threads: only a ring can lend its frames (--link ring)")
        }
    }

    /// Who the director becomes; nobody else where that is not possible and no user is named.
    var director: Rights.User? {
        get throws(RightsError) {
            guard user != nil || Rights.canChangeUser else { return nil }
            return try Rights.user(named: user)
        }
    }

    /// A director needs an interface; to look at its files takes none.
    func needInterface() throws {
        guard !interfaces.isEmpty else { throw ValidationError("--interface is missing: name at least one interface") }
    }

    var log: Log {
        let form = logFormat
        return Log { text in
            for line in text.split(separator: "\n") { Terminal.write(form.line(String(line)), to: 2) }
        }
    }

    var files: RunFiles {
        RunFiles(
            services: services, marks: marks, marks6: marks6, marksFromHost: marksFromHost, sysctl: sysctl,
            honoursFirewall: firewall == .honour)
    }
}
