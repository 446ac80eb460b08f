import Admin
import ArgumentParser
import CLinux
import Glibc
import LVS
import Linux
import SystemPackage

/// Which servers are meant, and where is remembered what weight they had.
struct DrainOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("Real servers: ADDRESS, of every port, or ADDRESS:PORT.", valueName: "server")) var servers: [String]
    // It begins with a dash.
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Of this service only, as ipvsadm names it: \"-t 203.0.113.10:80\".", valueName: "service")) var service: String?
    @OptionGroup var reach: ControlOptions

    /// Beside the control socket.
    var file: String { AdmCommandLine.path(reach.control) + ".drained" }

    func targets() throws -> [DrainPlan.Target] {
        try servers.map { word in
            guard let target = DrainPlan.Target(word) else {
                throw CommandFailure("\(word): expected ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT")
            }
            return target
        }
    }

    func serviceKey() throws -> ServiceKey? {
        guard let service else { return nil }
        guard case .deleteService(let key)? = try ServicesFile.commands(in: "-D \(service)", file: "--service").first else { return nil }
        return key
    }

    func remembered() throws -> [DrainPlan.Place: ServerSettings] {
        guard let bytes = try? FileReader(FilePath(file)).all() else { return [:] }
        return try DrainPlan.remembered(in: String(decoding: bytes, as: UTF8.self), file: file)
    }

    /// Carries a plan out. What is remembered is written first when there is more of it, last when there is less.
    func carryOut(_ plan: DrainPlan, _ client: ControlClient, remembersFirst: Bool) throws {
        guard !plan.places.isEmpty else {
            throw CommandFailure("\(servers.joined(separator: ", ")): no service has such a server", status: 1)
        }
        if remembersFirst { try write(plan.text) }
        for command in plan.commands { try client.apply(command) }
        if !remembersFirst { try write(plan.text) }
    }

    private func write(_ text: String) throws {
        do throws(Errno) { try FileWriter.write(text.utf8, to: FilePath(file)) } catch { throw FileError(file: file, error) }
    }
}

/// `svs drain`: a server gets no new connections, and its old ones come to their end.
struct DrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Take a real server out: no new connections, and see the old ones end.",
        discussion: """
            Gives the server weight 0 in every service that has it; the weight that it had is remembered for 'svs undrain'. \
            With --watch it says how many connections are left until there are none, with --deadline at most as long: what is left \
            then stays, and the exit status is 1.

            With --reset what is left at the deadline, or at once without one, ends: TCP by a reset to the client and to the server \
            with the client's next segment, which says the numbers that both believe; datagrams and clients of persistent services \
            go to another server. The server may be switched off then. Entries of connections that say nothing more stay in the table \
            until their time is over. 'svs undrain' ends this.

            Clients of persistent services come back to their server also while it has no weight, unless the switch \
            net.ipv4.vs.expire_quiescent_template is set.
            """)
    @OptionGroup var options: DrainOptions
    @Flag(help: "Wait until no connection is left.") var watch = false
    @Option(help: ArgumentHelp("Wait at most as long: 90s, 5m, 1h.", valueName: "time")) var deadline: String?
    @Flag(help: "What is left at the deadline, or now without one, is reset.") var reset = false

    func validate() throws {
        guard deadline == nil || seconds != nil else {
            throw ValidationError("--deadline: a number with s, m or h is expected, such as 5m")
        }
    }

    private var seconds: UInt64? {
        guard let deadline, let unit = deadline.last, let number = UInt64(deadline.dropLast()), (1...86_400).contains(number) else {
            return nil
        }
        return ["s": 1, "m": 60, "h": 3600][unit].map { number * $0 }
    }

    func run() throws {
        let isEmpty = try withClearErrors {
            let client = try options.reach.client()
            let plan = DrainPlan(
                draining: try options.targets(), of: try options.serviceKey(), in: try client.inventory(),
                remembered: try options.remembered())
            try options.carryOut(plan, client, remembersFirst: true)
            for place in plan.places { print("drained: \(place.server) of \(place.service)") }
            if watch || deadline != nil, try wait(for: plan, client) { return true }
            guard reset else { return !watch && deadline == nil }
            try end(plan, client)
            return true
        }
        if !isEmpty { Terminal.exit(1) }
    }

    private func end(_ plan: DrainPlan, _ client: ControlClient) throws {
        let rest = plan.rest(in: try client.inventory())
        for place in plan.places { _ = try client.text(.resetConnections(SaveFormat.words(for: place.service, place.server))) }
        let left = rest.active + rest.inactive
        print("reset with their next packet: \(counted(left, "connection"))")
    }

    /// - Returns: whether no connection is left.
    private func wait(for plan: DrainPlan, _ client: ControlClient) throws -> Bool {
        let end = seconds.map { svs_monotonic_seconds() + $0 }
        var line = ProgressLine(), most: UInt64 = 0, told: UInt64?
        defer { line.hide() }
        while true {
            let rest = plan.rest(in: try client.inventory())
            let left = rest.active + rest.inactive
            most = max(most, left)
            let words = "\(rest.active) active and \(rest.inactive) inactive connections left"
            line.show("\(ProgressLine.bar(most - left, of: most)) \(words)")
            // Where nobody looks at a bar, a line whenever half of it is gone.
            if isatty(2) == 0, told.map({ left * 2 <= $0 && left < $0 }) ?? true {
                Terminal.complain(words)
                told = left
            }
            if left == 0 { return true }
            if let end, svs_monotonic_seconds() >= end {
                line.hide()
                Terminal.complain("the time is over: \(words)")
                return false
            }
            sleep(1)
        }
    }
}

/// `svs undrain`: a drained server gets its weight back.
struct UndrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undrain", abstract: "Give a drained real server the weight back that it had.")
    @OptionGroup var options: DrainOptions
    @Option(help: ArgumentHelp("For servers of which no weight is remembered.", valueName: "n")) var weight: Int32?

    func validate() throws {
        guard weight ?? 1 > 0 else { throw ValidationError("--weight: at least 1") }
    }

    func run() throws {
        try withClearErrors {
            let client = try options.reach.client()
            let plan = DrainPlan(
                undraining: try options.targets(), of: try options.serviceKey(), in: try client.inventory(),
                remembered: try options.remembered(), weight: weight)
            try options.carryOut(plan, client, remembersFirst: false)
            guard !plan.commands.isEmpty else {
                throw CommandFailure("no weight is remembered of \(options.servers.joined(separator: ", ")): --weight says one", status: 1)
            }
            for case .editServer(let service, let server, let settings) in plan.commands {
                print("weight \(settings.weight): \(server) of \(service)")
            }
        }
    }
}
