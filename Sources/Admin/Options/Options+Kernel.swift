public import LVS

extension Options {
    /// Names of the options by which a service says what the kernel does not have.
    public static func beyondKernel(_ settings: ServiceSettings) -> [String] {
        ServiceSettings.ownAttributes.compactMap { $0.said(settings) }
    }

    /// The same of a server.
    public static func beyondKernel(_ settings: ServerSettings) -> [String] {
        ServerSettings.ownAttributes.compactMap { $0.said(settings) }
    }

    /// SVS's own attributes: what carries which options, of services and of servers.
    public static var ownAttributes: (services: [(number: UInt16, options: [String])], servers: [(number: UInt16, options: [String])]) {
        (numbers(ServiceSettings.self), numbers(ServerSettings.self))
    }

    private static func numbers<Owner: OptionOwner>(_ owner: Owner.Type) -> [(number: UInt16, options: [String])] {
        owner.ownSettings.compactMap { setting in setting.own.map { ($0.number, setting.options.map(\.name)) } }
    }

    /// Schedulers and options, a line each: kind, name, `kernel` or `own`, and a scheduler's names for `-b`.
    public static var table: String {
        var lines = Schedulers.roster.map { type in
            (["scheduler", type.name, type.isInKernel ? "kernel" : "own"] + type.flagNames.map(\.name)).joined(separator: " ")
        }
        lines.append("scheduler \(Schedulers.none) kernel")
        for option in roster {
            for form in option.forms { lines.append("\(option.group)-option \(form.name) \(form.isOwn ? "own" : "kernel")") }
        }
        return lines.map { $0 + "\n" }.joined()
    }
}
