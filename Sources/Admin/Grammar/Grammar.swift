import LVS
import Wire

/// ipvsadm's language, version 1.31: a command first, then its options in any order, each with effect at once.
public enum Grammar {
    /// What the words, without the program's name, ask for. Names of hosts and services are looked up with `names`.
    public static func parse(_ arguments: [String], names: some NameResolver) throws(UsageError) -> Request {
        guard !arguments.isEmpty else { return .list(ListRequest()) }
        var scanner = OptionScanner(arguments)
        guard case .option(let first, let value) = scanner.step() else { throw .tryHelp }
        let command: CommandName
        switch first.meaning {
        case .command(let name): command = name
        case .help: return .help
        case .version: return .version
        default: throw .tryHelp
        }
        var entry = Entry(command, names: names)
        if let value { try entry.begin(value) }
        options: while true {
            switch scanner.step() {
            case .option(let spelling, let value):
                // A second command is none of its options.
                guard case .option(let option, let form) = spelling.meaning else {
                    throw UsageError("invalid option `\(scanner.lastWord)'")
                }
                try entry.take(option, form, value)
            case .failure(let text):
                throw UsageError("\(scanner.lastWord): \(text)", status: 255, endsRestore: false)
            case .end:
                break options
            }
        }
        try entry.takeArguments(scanner.arguments)
        try entry.check()
        return entry.request
    }
}

/// What the words of a line have said so far.
struct Entry {
    let command: CommandName
    /// Looks up the names of hosts and services.
    let names: any NameResolver
    /// The options given, in the order of the roster.
    private(set) var given: [GrammarOption] = []

    /// Unknown until a service says it; then IPv6 changes how `-M` is read.
    var family: IPFamily?
    var proto: UInt8 = 0
    var address = IPAddress.unspecified(.v4)
    var port: UInt16 = 0
    var ranges: [ClosedRange<UInt16>] = []
    var mark: UInt32 = 0
    var service = ServiceSettings(scheduler: "")
    var schedulerFlags = ""

    var server = ServerKey(address: .unspecified(.v4), port: 0)
    var serverFamily: IPFamily?
    var settings = ServerSettings()

    var daemon = SyncDaemon(role: .master)
    var timeouts = Timeouts(tcp: 0, fin: 0, udp: 0)

    init(_ command: CommandName, names: any NameResolver) {
        self.command = command
        self.names = names
    }

    func has(_ option: GrammarOption) -> Bool { given.contains { $0.name == option.name } }

    /// Takes one option, with effect at once.
    mutating func take(_ option: GrammarOption, _ form: GrammarOption.Form, _ value: String?) throws(UsageError) {
        if form.counts {
            if has(option) {
                guard option.repeats else { throw UsageError("multiple '\(option.name)' options specified") }
            } else {
                given.insert(option, at: given.firstIndex { $0.place > option.place } ?? given.count)
            }
        }
        try form.effect(&self, value)
    }

    /// What a server's port follows: that of the service; with several ports the packet's own, which 0 stands for.
    var followedPort: UInt16 { ranges.isEmpty ? port : 0 }

    var key: ServiceKey {
        guard mark == 0 else { return ServiceKey(mark: mark, family: family ?? .v4) }
        var key = ServiceKey(proto: proto, address: address, port: port, ranges: ranges)
        key.family = family ?? .v4
        return key
    }

    /// The value of the command itself: which daemon.
    mutating func begin(_ value: String) throws(UsageError) {
        switch value {
        case "master": daemon.role = .master
        case "backup": daemon.role = .backup
        default: throw UsageError(command == .startDaemon ? "illegal start-daemon parameter specified" : "illegal start_daemon specified")
        }
    }

    /// The words that are no options: only `--set` takes any.
    mutating func takeArguments(_ words: [String]) throws(UsageError) {
        var words = words[...]
        if command == .set {
            guard words.count >= 3 else { throw UsageError("--set option requires 3 timeout values") }
            timeouts.tcp = try Self.timeout(words.removeFirst(), from: 0)
            timeouts.fin = try Self.timeout(words.removeFirst(), from: 0)
            timeouts.udp = try Self.timeout(words.removeFirst(), from: 0)
        }
        if let word = words.first { throw UsageError("unexpected argument \(word)") }
    }

    static func timeout(_ text: String, from least: Int64) throws(UsageError) -> UInt32 {
        guard let seconds = Number.within(least...Number.longestTimeout, text) else { throw .timeout(text) }
        return UInt32(seconds)
    }

    /// A number within a range; messages call it `what`.
    static func number(_ text: String?, _ range: ClosedRange<Int64>, _ what: String) throws(UsageError) -> Int64 {
        guard let number = Number.within(range, text ?? "") else { throw UsageError("illegal \(what) specified") }
        return number
    }

    /// At most so many bytes, as the kernel's fixed fields hold them.
    static func cut(_ text: String?, to bytes: Int) -> String { String(decoding: (text ?? "").utf8.prefix(bytes), as: UTF8.self) }

    var request: Request {
        switch command {
        case .addService: .change(.addService(key, service))
        case .editService: .change(.editService(key, service))
        case .deleteService: .change(.deleteService(key))
        case .flush: .change(.flush)
        case .addServer: .change(.addServer(key, server, settings))
        case .editServer: .change(.editServer(key, server, settings))
        case .deleteServer: .change(.deleteServer(key, server))
        case .set: .change(.setTimeouts(tcp: timeouts.tcp, fin: timeouts.fin, udp: timeouts.udp))
        case .zero: .change(.zero(has(.serviceAddress) ? key : nil))
        case .startDaemon: .change(.startDaemon(daemon))
        case .stopDaemon: .change(.stopDaemon(daemon.role))
        case .list: .list(listing)
        case .save: .save(numeric: has(.numeric))
        case .restore: .restore
        }
    }

    private var listing: ListRequest {
        let subject: ListRequest.Subject =
            if has(.connection) { .connections } else if has(.serviceAddress) { .service(key) } else if has(.timeout) {
                .timeouts
            } else if has(.daemon) { .daemons } else { .services }
        let columns: ListRequest.Columns =
            if has(.statistics) { .statistics } else if has(.rates) { .rates } else if has(.thresholds) {
                .thresholds
            } else if has(.persistentConnections) { .persistence } else if has(.tunnelInfo) { .tunnels } else { .usual }
        return ListRequest(subject, columns: columns, numeric: has(.numeric), exact: has(.exact), sorted: !has(.nosort), json: has(.json))
    }
}
