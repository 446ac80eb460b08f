import Admin
import LVS
import Testing
import Wire

/// What is true of every option that says something about a service or a server, whoever has it on the roster.
@Suite struct OptionLaws {
    /// A rule made of one of an option's examples.
    struct Example: Sendable, CustomTestStringConvertible {
        let option: GrammarOption
        let words: String
        var testDescription: String { words }

        /// A UDP service of one port may have every option.
        static let service = "-t 10.9.0.1:80", udp = "-u 10.9.0.1:80", server = "-r 10.2.0.11:80"
        var service: String { words == "-o" ? Self.udp : Self.service }
        var bare: String { option.group == .service ? "-A \(service)" : "-a \(service) \(Self.server)" }
        var rule: String { "\(bare) \(words)" }
        /// What has to be there before.
        var before: String { option.group == .service ? "" : "-A \(service)\n" }
        var isOwn: Bool { option.forms.contains { form in form.isOwn && words.split(separator: " ").contains { $0 == "--" + form.name } } }

        static let all = Options.roster.flatMap { option in option.examples.map { Example(option: option, words: $0) } }
    }

    private static func command(_ rule: String) throws -> Command {
        guard case .change(let command) = try Grammar.parse(Transcript.shellWords(rule[...]), names: HostFiles()) else {
            throw UsageError("no command: \(rule)")
        }
        return command
    }

    /// The service, or the server in its service, that a command makes.
    private static func record(_ command: Command) throws -> ServiceRecord {
        switch command {
        case .addService(let key, let settings): return ServiceRecord(key: key, settings: settings)
        case .addServer(let key, let server, let settings):
            return ServiceRecord(key: key, settings: ServiceSettings(), servers: [ServerRecord(key: server, settings: settings)])
        default: throw UsageError("adds nothing")
        }
    }

    private static func edit(_ command: Command) -> Command {
        switch command {
        case .addService(let key, let settings): .editService(key, settings)
        case .addServer(let key, let server, let settings): .editServer(key, server, settings)
        default: command
        }
    }

    @Test func everyOptionHasExamplesAndHelp() {
        for option in Options.roster where [.service, .server].contains(option.group) && option.name != "real-server" {
            #expect(!option.examples.isEmpty, "\(option.name)")
        }
        for option in Options.roster where option.group != .address {
            for form in option.forms { #expect(!form.help.isEmpty, "\(form.name)") }
        }
        #expect(Set(Options.roster.map { $0.name }).count == Options.roster.count)
        #expect(Set(Grammar.names).count == Grammar.names.count - 1, "only -L and -l are one")
    }

    /// One attribute carries one setting, beyond the kernel's numbers; each own option has one.
    @Test func attributesAreApart() {
        let (services, servers) = Options.ownAttributes
        for (attributes, group, first) in [(services, GrammarOption.Group.service, UInt16(0x101)), (servers, .server, 0x100)] {
            #expect(Set(attributes.map { $0.number }).count == attributes.count)
            #expect(attributes.allSatisfy { $0.number >= first && $0.number < 0x4000 })
            let carried = attributes.flatMap { $0.options }
            #expect(Set(carried).count == carried.count)
            #expect(Set(carried) == Set(Options.roster.filter { $0.group == group && $0.forms.contains { $0.isOwn } }.map { $0.name }))
        }
    }

    @Test(arguments: Example.all)
    func savedAndReadAgainItSaysTheSame(_ example: Example) throws {
        let command = try Self.command(example.rule)
        let line = try #require(SaveFormat.line(for: command))
        #expect(try Self.command(line) == command, "\(line)")
        let edit = Self.edit(command)
        #expect(try Self.command(#require(SaveFormat.line(for: edit))) == edit)
    }

    /// Through the control protocol into the engine, out of it with `-S`, and into another one.
    @Test(arguments: Example.all)
    func aDirectorIsRestored(_ example: Example) throws {
        let director = EngineDirector(), other = EngineDirector()
        #expect(Answer("-R", input: example.before + example.rule + "\n", director: director).errors == "")
        let saved = Answer("-S -n", director: director).output
        #expect(Answer("-R", input: saved, director: other).errors == "")
        #expect(Answer("-S -n", director: other).output == saved)
        // ipvsadm saves no thresholds.
        if !example.words.contains("-x") { #expect(other.inventory().services == director.inventory().services) }
    }

    @Test(arguments: Example.all)
    func someListingShowsIt(_ example: Example) throws {
        let command = try Self.command(example.rule), plain = try Self.command(example.bare)
        guard command != plain else { return }
        func listings(_ command: Command) throws -> [String?] {
            let columns: [ListRequest.Columns] = [.usual, .thresholds, .persistence, .tunnels]
            return try columns.map {
                Listing.text(
                    ListRequest(columns: $0, numeric: true), of: Inventory(services: [try Self.record(command)]), names: HostFiles())
            }
        }
        let shown = try listings(command)
        #expect(try shown != listings(plain))
        for form in example.option.forms where form.isOwn && example.option.group == .service {
            #expect(shown[0]?.contains(" " + form.name) == true)
        }
    }

    @Test(arguments: Example.all)
    func theControlProtocolCarriesIt(_ example: Example) throws {
        for command in [try Self.command(example.rule), Self.edit(try Self.command(example.rule))] {
            guard case .change(let draft)? = try NetlinkCodec.request(NetlinkCodec.message(for: command), isDump: false) else {
                throw UsageError("no command")
            }
            #expect(draft.command == command)
            #expect(!draft.leavesThings)
        }
        var record = try Self.record(Self.command(example.rule))
        record.settings.flags.insert(.hashed)
        var found = try NetlinkCodec.service(NetlinkCodec.message(for: record))
        for server in record.servers {
            found.servers.append(try NetlinkCodec.server(NetlinkCodec.message(for: server), of: record.key.family))
        }
        #expect(found == record)
    }

    /// A client that knows none of our attributes, or all but one, reads the service or server and says it again.
    @Test(arguments: Example.all)
    func whoDoesNotKnowItKeepsIt(_ example: Example) throws {
        let command = try Self.command(example.rule), edit = Self.edit(command)
        let own = example.option.group == .service ? Options.ownAttributes.services : Options.ownAttributes.servers
        for unknown in [Set(own.map { $0.number })] + own.map({ [$0.number] }) {
            let message = try NetlinkCodec.message(for: edit)
            let stripped = GenericMessage(command: message.command, attributes: Self.without(unknown, message.attributes))
            guard case .change(let draft)? = try NetlinkCodec.request(stripped, isDump: false) else { throw UsageError("no command") }
            #expect(draft.leavesThings)
            #expect(draft.resolved(with: try Self.record(command)) == edit, "without \(unknown)")
        }
    }

    /// A message whose service and server lack some attributes.
    private static func without(_ types: Set<UInt16>, _ message: [UInt8]) -> [UInt8] {
        var out = AttributeWriter()
        guard let top = NetlinkAttributes(message) else { return [] }
        for type in top.types {
            guard let nest = top.nest(type) else { continue }
            out.nest(type) { inner in
                for type in nest.types where !types.contains(type) { inner.put(type, bytes: nest.bytes(type) ?? []) }
            }
        }
        return out.bytes
    }

    @Test(arguments: Example.all)
    func theKernelIsAskedOnlyWhatItKnows(_ example: Example) throws {
        let beyond: [String] =
            switch try Self.command(example.rule) {
            case .addService(_, let settings): Options.beyondKernel(settings)
            case .addServer(_, _, let settings): Options.beyondKernel(settings)
            default: []
            }
        #expect(beyond.isEmpty == !example.isOwn)
    }

    /// An own option with a value takes no empty word, and no option is taken by another command.
    @Test(arguments: Example.all)
    func mistakesAreNamed(_ example: Example) {
        if let form = example.option.forms.first(where: { $0.isOwn && $0.placeholder != nil }) {
            #expect(throws: UsageError.self) { try Self.command("\(example.bare) --\(form.name)=") }
        }
        let error = #expect(throws: UsageError.self) { try Self.command("-D \(example.service) \(example.words)") }
        #expect(error?.text.contains("option with the 'delete-service' command") == true)
    }

    /// The table for scripts has a line for each scheduler and each spelling.
    @Test func theTableIsTheRoster() {
        let lines = Options.table.split(separator: "\n")
        #expect(lines.count == Schedulers.roster.count + 1 + Options.roster.reduce(0) { $0 + $1.forms.count })
        #expect(lines.contains("scheduler mh kernel mh-fallback mh-port") && lines.contains("scheduler twos own"))
        #expect(lines.contains("service-option mss-clamp own") && lines.contains("server-option weight kernel"))
    }
}
