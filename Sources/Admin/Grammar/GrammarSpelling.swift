/// The commands of the language, by the names ipvsadm's messages use; columns of `GrammarOption.legality`.
enum CommandName: Int, CaseIterable, Sendable {
    case addService, editService, deleteService, flush, list, addServer, deleteServer, editServer
    case set, startDaemon, stopDaemon, restore, save, zero

    var text: String {
        switch self {
        case .addService: "add-service"
        case .editService: "edit-service"
        case .deleteService: "delete-service"
        case .flush: "flush"
        case .list: "list"
        case .addServer: "add-server"
        case .deleteServer: "delete-server"
        case .editServer: "edit-server"
        case .set: "set"
        case .startDaemon: "start-daemon"
        case .stopDaemon: "stop-daemon"
        case .restore: "restore"
        case .save: "save"
        case .zero: "zero"
        }
    }
}

/// One spelling of a command or an option.
struct Spelling: Sendable {
    /// What follows the option.
    enum Value: Sendable { case none, required, optional }

    enum Meaning: Sendable {
        case command(CommandName)
        case help, version
        case option(GrammarOption, GrammarOption.Form)
    }

    let long: String
    /// ASCII, 0 without one.
    let short: UInt8
    let value: Value
    let meaning: Meaning

    init(_ long: String, _ short: Character?, _ value: Value, _ meaning: Meaning) {
        self.long = long
        self.short = short?.asciiValue ?? 0
        self.value = value
        self.meaning = meaning
    }

    static func long(_ name: ArraySlice<UInt8>) -> Spelling? { longs[Array(name)] }
    static func short(_ letter: UInt8) -> Spelling? { shorts[Int(letter)] }

    /// Of several with the same name the first one counts.
    private static let longs = Dictionary(all.map { (Array($0.long.utf8), $0) }) { first, _ in first }
    private static let shorts: [Spelling?] = (0...UInt8.max).map { letter in letter == 0 ? nil : all.first { $0.short == letter } }

    /// Commands, and every form of every option.
    static let all: [Spelling] =
        [
            Spelling("add-service", "A", .none, .command(.addService)),
            Spelling("edit-service", "E", .none, .command(.editService)),
            Spelling("delete-service", "D", .none, .command(.deleteService)),
            Spelling("clear", "C", .none, .command(.flush)),
            Spelling("list", "L", .none, .command(.list)),
            Spelling("list", "l", .none, .command(.list)),
            Spelling("zero", "Z", .none, .command(.zero)),
            Spelling("add-server", "a", .none, .command(.addServer)),
            Spelling("edit-server", "e", .none, .command(.editServer)),
            Spelling("delete-server", "d", .none, .command(.deleteServer)),
            Spelling("set", nil, .none, .command(.set)),
            Spelling("start-daemon", nil, .required, .command(.startDaemon)),
            Spelling("stop-daemon", nil, .required, .command(.stopDaemon)),
            Spelling("restore", "R", .none, .command(.restore)),
            Spelling("save", "S", .none, .command(.save)),
            Spelling("help", "h", .none, .help),
            Spelling("version", "v", .none, .version),
        ]
        + Options.roster.flatMap { option in
            option.forms.map { form in
                let value: Value =
                    switch form.argument {
                    case .none: .none
                    case .required: .required
                    case .optional: .optional
                    }
                return Spelling(form.name, form.letter, value, .option(option, form))
            }
        }
}

extension Grammar {
    /// Long names of all commands and options.
    public static var names: [String] { Spelling.all.map(\.long) }
}
