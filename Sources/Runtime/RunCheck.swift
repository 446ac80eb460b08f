internal import Admin
internal import CLinux
internal import Glibc
internal import Host
public import LVS
internal import Wire

/// What `svs run` would find in its files and on its host, found without running: all errors, and what is understood and yet
/// cannot work as it seems to say.
public struct RunCheck {
    /// What keeps `svs run` from starting, or from taking the files over on SIGHUP, a line each.
    public private(set) var errors: [String] = []
    public private(set) var warnings: [String] = []
    /// What the files hold.
    public private(set) var summary = ""

    /// - Parameter interfaces: names of those that frames would be taken from.
    public init(_ files: RunFiles, interfaces: [String], ownership: Ownership) {
        for name in interfaces {
            guard let facts = try? LinkFacts(of: name) else {
                errors.append("interface \(name) does not exist")
                continue
            }
            if facts.isLoopback { errors.append("interface \(name): nothing for a director arrives at the loopback") }
            if !facts.isUp { warnings.append("warning: interface \(name) is down") }
            if let line = HostWarnings.line(of: name) { warnings.append(line) }
        }
        do throws(FileError) {
            let state = try files.read()
            warnings += state.warnings(files)
            for key in state.ignored { warnings.append("note: \(files.sysctl ?? ""): \(key) is of no use to the director") }
            look(at: state, ownership)
        } catch {
            for var one in [error] + error.others {
                one.others = []
                errors.append(one.description)
            }
        }
    }

    /// Looks at the files together with the host's network as it is now.
    private mutating func look(at state: RunFiles.State, _ ownership: Ownership) {
        var director = Director(
            connections: 16, hostEmulation: HostEmulation(isWholeHost: false, ownership: ownership), at: Instant(svs_clock()))
        do throws(HostError) { try HostNetwork().update(&director.network) } catch {
            warnings.append("warning: the host's network is not known: \(error)")
        }
        for command in state.plan.changes(from: ServicePlan()) {
            do throws(CommandError) { try director.apply(command) } catch { errors.append("\(command.summary): \(error.sentence)") }
        }
        director.marks4 = state.marks4
        director.marks6 = state.marks6
        director.tunables = state.tunables
        state.rules.set(in: &director)
        warnings += HostWarnings.lines(director)
        let waiting = director.waitingAddresses().sorted()
        if let first = waiting.first {
            let others = waiting.count > 1 ? " and \(counted(waiting.count - 1, "other"))" : ""
            warnings.append(
                "warning: virtual address \(first)\(others): not on this host and not to be owned, so its packets are not directed; "
                    + "ip address add \(first)/\(first.family.width) dev INTERFACE, or --own")
        }
        warnings += director.rulesNotHonoured().map { "warning: \($0)" } + state.rules.failures.map { "warning: \($0)" }
        let servers = state.plan.services.reduce(0) { $0 + $1.servers.count }
        summary = "\(counted(state.plan.services.count, "service")), \(counted(servers, "server"))"
    }
}
