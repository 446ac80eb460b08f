import LVS

/// One option of the language: who may say it, how it is spelled, what it does to a line, and what help says of it.
public struct GrammarOption: Sendable {
    /// Where help names it.
    public enum Group: Hashable, Sendable { case address, service, server, list, daemon }

    /// One spelling.
    public struct Form: Sendable {
        /// What follows: nothing, a value, or a value that may be left out.
        enum Argument: Sendable { case none, required(String), optional(String) }

        typealias Effect = @Sendable (inout Entry, String?) throws(UsageError) -> Void

        /// Behind two dashes.
        public let name: String
        /// Behind one dash, if there is such a form.
        public let letter: Character?
        public let help: String
        /// Whether SVS alone knows it: no other ipvsadm, and not the kernel.
        public let isOwn: Bool
        let argument: Argument
        /// Whether saying it counts as giving the option.
        let counts: Bool
        /// What it does to the line that says it.
        let effect: Effect

        init(
            _ name: String, _ letter: Character? = nil, _ argument: Argument = .none, isOwn: Bool = false, counts: Bool = true,
            help: String, _ effect: @escaping Effect = { (_, _) throws(UsageError) in }
        ) {
            (self.name, self.letter, self.argument, self.isOwn) = (name, letter, argument, isOwn)
            (self.counts, self.help, self.effect) = (counts, help, effect)
        }

        /// What help calls the value; `nil` for a flag.
        public var placeholder: String? {
            switch argument {
            case .none: nil
            case .required(let name): name
            case .optional(let name): "[\(name)]"
            }
        }
    }

    /// In messages; that of its only spelling, or a name for all of them.
    public let name: String
    public let group: Group
    public let forms: [Form]
    /// Words that say it, each such that a service or server can be made with them alone.
    public let examples: [String]
    /// Which commands take it, in the order of `CommandName`: `+` required, `o` optional, `.` illegal, `1` at most one of these.
    let legality: [UInt8]
    /// Names of options that say something else about the same thing.
    let rivals: [String]
    /// May be said several times.
    let repeats: Bool
    /// Its place in the roster.
    fileprivate(set) var place = Int.max

    init(
        _ name: String, _ group: Group, _ legality: StaticString, examples: [String] = [], rivals: [String] = [],
        repeats: Bool = false, _ forms: [Form]
    ) {
        (self.name, self.group, self.examples, self.rivals, self.repeats, self.forms) = (name, group, examples, rivals, repeats, forms)
        self.legality = Array(String(describing: legality).utf8)
    }

    /// An option with one spelling, which gives it its name.
    init(_ group: Group, _ legality: StaticString, examples: [String] = [], _ form: Form) {
        self.init(form.name, group, legality, examples: examples, [form])
    }
}

/// Every option of the language.
public enum Options {
    /// In the order in which ipvsadm checks combinations; what ipvsadm does not know comes behind.
    public static let roster: [GrammarOption] = placed(
        [
            .numeric, .connection, .serviceAddress, .scheduler, .persistent, .netmask, .realServer, .method, .weight,
            .upperThreshold, .lowerThreshold, .interface, .timeout, .daemon, .statistics, .rates, .thresholds, .persistentConnections,
            .nosort, .syncID, .exact, .onePacket, .engine, .schedulerFlags, .group, .port, .timeToLive, .maximumLength, .tunnelInfo,
            .tunnelType, .tunnelPort, .tunnelNoChecksum, .tunnelChecksum, .tunnelRemoteChecksum,
        ] + ServiceSettings.ownSettings.flatMap(\.options)
            + ServerSettings.ownSettings.flatMap(\.options).filter { $0.name != GrammarOption.method.name } + [.json])

    /// Those that a command needs, by `CommandName`.
    static let required: [[GrammarOption]] = CommandName.allCases.map { command in
        roster.filter { $0.legality[command.rawValue] == UInt8(ascii: "+") }
    }

    private static func placed(_ options: [GrammarOption]) -> [GrammarOption] {
        options.enumerated().map { place, option in
            var option = option
            option.place = place
            return option
        }
    }
}
