import Glibc
import LVS

/// `svs adm`: one line of ipvsadm's language against a director, with ipvsadm's texts and exit statuses.
public struct Adm<Channel: ControlChannel, Names: NameResolver> {
    private let connect: () throws(Channel.Failure) -> Channel
    private let names: Names
    private let program: String
    private let input: () -> String?
    private let hasInput: () -> Bool
    private let output: (String) -> Void
    private let errors: (String) -> Void

    /// `connect` reaches the director and is called when it is first needed; `program` is the name that a hint at the help
    /// gives; `input` gives the next line of standard input
    /// without its end, `nil` at the end, and `hasInput` whether it need not wait for that; `output` and `errors` take text for standard output and standard error.
    public init(
        connect: @escaping () throws(Channel.Failure) -> Channel, names: Names, program: String = "ipvsadm", input: @escaping () -> String?,
        hasInput: @escaping () -> Bool = { false }, output: @escaping (String) -> Void, errors: @escaping (String) -> Void
    ) {
        self.connect = connect
        self.names = names
        self.program = program
        self.input = input
        self.hasInput = hasInput
        self.output = output
        self.errors = errors
    }

    /// Runs one invocation. `arguments` are the words behind the program's name. The result is the exit status.
    public func run(_ arguments: [String]) -> Int32 {
        var channel: Channel?
        return perform(arguments, restoring: false, &channel).status
    }

    /// Where the help is, in ipvsadm's words.
    private var hint: String {
        UsageError.tryHelp.text.split(separator: "ipvsadm", omittingEmptySubsequences: false).joined(separator: program)
    }

    private struct Outcome {
        var status: Int32
        /// The rest of a restore is not looked at.
        var endsRestore = false
    }

    private func perform(_ arguments: [String], restoring: Bool, _ channel: inout Channel?) -> Outcome {
        let request: Request
        do throws(UsageError) {
            request = try Grammar.parse(arguments, names: names)
        } catch {
            errors((error == .tryHelp ? hint : error.text) + "\n")
            return Outcome(status: error.status, endsRestore: error.endsRestore)
        }
        switch request {
        case .help:
            output(AdmTexts.help)
            return Outcome(status: 0, endsRestore: true)
        case .version:
            output(AdmTexts.version + "\n")
            return Outcome(status: 0, endsRestore: true)
        case .restore where restoring:
            errors(hint + "\n")
            return Outcome(status: UsageError.tryHelp.status, endsRestore: true)
        case .restore:
            return Outcome(status: restore(&channel))
        case .change(let command):
            return ask(&channel, about: command) { channel throws(Channel.Failure) in
                try channel.apply(command)
            }
        case .list(let request):
            return ask(&channel, about: nil) { channel throws(Channel.Failure) in
                try list(request, from: channel)
            }
        case .save(let numeric):
            return ask(&channel, about: nil) { channel throws(Channel.Failure) in
                output(SaveFormat.text(of: try channel.inventory(), numeric: numeric, names: names))
            }
        }
    }

    private func list(_ request: ListRequest, from channel: Channel) throws(Channel.Failure) {
        switch request.subject {
        case .connections:
            // The table may be huge, so it is written piece by piece.
            let naming = Naming(names: names, numeric: request.numeric)
            let engines = request.columns == .persistence
            var piece = request.json ? "" : ConnectionListing.title(engines: engines)
            try channel.connections { connection in
                piece += request.json ? ListingJSON.line(connection) : ConnectionListing.line(connection, engines: engines, naming: naming)
                guard piece.utf8.count > 60_000 else { return }
                output(piece)
                piece = ""
            }
            output(piece)
        case .service(let key):
            output(Listing.text(request, of: try channel.inventory(of: key), names: names) ?? "")
        case .services, .timeouts, .daemons:
            output(Listing.text(request, of: try channel.inventory(), names: names) ?? "")
        }
    }

    /// Asks the director, which is reached first if need be.
    private func ask(
        _ channel: inout Channel?, about command: Command?,
        _ question: (Channel) throws(Channel.Failure) -> Void
    ) -> Outcome {
        do throws(Channel.Failure) {
            try question(try reached(&channel))
            return Outcome(status: 0)
        } catch { return outcome(of: error, about: command) }
    }

    private func reached(_ channel: inout Channel?) throws(Channel.Failure) -> Channel {
        if let channel { return channel }
        let director = try connect()
        channel = director
        return director
    }

    /// Says why it came to nothing. A refused command costs 255, a refused listing 1.
    private func outcome(of error: Channel.Failure, about command: Command?) -> Outcome {
        switch error.refusal {
        case nil:
            errors("Can't initialize ipvs: \(error)\n")
            return Outcome(status: 2, endsRestore: true)
        case EPERM:
            errors(
                "Can't initialize ipvs: \(AdmTexts.refusal(EPERM, of: command))\n"
                    + "Are you sure that IP Virtual Server is built in the kernel or as module?\n")
            return Outcome(status: 2, endsRestore: true)
        // Whoever may only look is told what he may not: there is no such answer in the kernel.
        case EACCES:
            errors("\(error)\n")
            return command == nil ? Outcome(status: 1, endsRestore: true) : Outcome(status: 255)
        case let errno?:
            errors(AdmTexts.refusal(errno, of: command) + "\n")
            return command == nil ? Outcome(status: 1, endsRestore: true) : Outcome(status: 255)
        }
    }

    /// Commands that the director is asked for at a time, where so many lines are there.
    private static var burst: Int { 32 }

    /// Runs the lines of standard input; the exit status is that of the last one run.
    private func restore(_ channel: inout Channel?) -> Int32 {
        var outcome = Outcome(status: 0), waiting: [Command] = []
        while !outcome.endsRestore, let line = input() {
            let words = RuleLine.words(of: line)
            guard !words.isEmpty else { continue }
            if let request = try? Grammar.parse(words, names: names), case .change(let command) = request {
                waiting.append(command)
                if waiting.count >= Self.burst || !hasInput() { carryOut(&waiting, &channel, &outcome) }
            } else {
                carryOut(&waiting, &channel, &outcome)
                if !outcome.endsRestore { outcome = perform(words, restoring: true, &channel) }
            }
        }
        carryOut(&waiting, &channel, &outcome)
        return outcome.status
    }

    private func carryOut(_ commands: inout [Command], _ channel: inout Channel?, _ outcome: inout Outcome) {
        guard !commands.isEmpty, !outcome.endsRestore else { return }
        defer { commands = [] }
        do throws(Channel.Failure) {
            for (command, failure) in zip(commands, try reached(&channel).apply(commands)) {
                outcome = failure.map { self.outcome(of: $0, about: command) } ?? Outcome(status: 0)
                if outcome.endsRestore { return }
            }
        } catch { outcome = self.outcome(of: error, about: commands[0]) }
    }
}
