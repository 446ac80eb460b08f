import LVS
import Wire

/// One rule of iptables, read word by word.
struct MarkRuleWords {
    enum Target {
        case known(MarkTarget)
        case chain(String, isGoto: Bool)
    }

    private let family: IPFamily
    /// Names that `-j` and `-g` can lead to.
    private let chains: Set<String>
    private var words: WordReader
    private var matches: [MarkMatch] = []
    private var target: Target?
    /// Extensions that `-m` named.
    private var loaded: Set<String> = []
    /// Options that only make sense for some protocols, to be checked when `-p` is known.
    private var demands: [(word: String, protos: Set<UInt8>)] = []
    private var proto: (number: UInt8, isNegated: Bool)?
    /// An address option had more than one address.
    private var hasList = false
    /// The target is MARK and waits for its option.
    private var isMark = false

    init(_ words: [String], _ family: IPFamily, chains: Set<String>) {
        self.words = WordReader(words)
        self.chains = chains
        self.family = family
    }

    /// Understands the whole rule.
    func rule() throws(Complaint) -> (matches: [MarkMatch], target: Target?) {
        var reader = self
        while let word = reader.words.next() {
            let isNegated = word == "!"
            try reader.option(isNegated ? try reader.words.argument(of: "!") : word, isNegated)
        }
        if reader.isMark && reader.target == nil {
            throw Complaint("MARK: one of --set-mark, --set-xmark, --and-mark, --or-mark, --xor-mark is missing")
        }
        if reader.hasList && reader.matches.contains(where: { $0.isNegated && $0.isOfAddress }) {
            throw Complaint("!: not allowed with several addresses")
        }
        for demand in reader.demands {
            guard let proto = reader.proto, !proto.isNegated, demand.protos.contains(proto.number) else {
                throw Complaint("\(demand.word): needs -p \(demand.protos.sorted().map(Self.protoName).joined(separator: ", "))")
            }
        }
        return (reader.matches, reader.target)
    }

    private mutating func option(_ word: String, _ isNegated: Bool) throws(Complaint) {
        // `--name=value` is one word for getopt.
        var name = word
        var inline: String?
        if word.hasPrefix("--"), let equals = word.firstIndex(of: "=") {
            name = String(word[..<equals])
            inline = String(word[word.index(after: equals)...])
        }
        let given = inline
        func value(_ words: inout WordReader) throws(Complaint) -> String {
            if let given { return given }
            return try words.argument(of: name)
        }
        func refuseNegation() throws(Complaint) {
            if isNegated { throw Complaint("\(name): cannot be negated") }
        }
        switch name {
        case "-s", "--source", "--src":
            matches.append(MarkMatch(.source(try places(value(&words))), isNegated: isNegated))
        case "-d", "--destination", "--dst":
            matches.append(MarkMatch(.destination(try places(value(&words))), isNegated: isNegated))
        case "-i", "--in-interface":
            let interface = try value(&words)
            guard !interface.isEmpty, interface.utf8.count < 16 else { throw Complaint("\(interface): no name of an interface") }
            if interface != "+" || isNegated { matches.append(MarkMatch(.ingress([interface]), isNegated: isNegated)) }
        case "-p", "--protocol", "--proto":
            guard proto == nil else { throw Complaint("\(name): given twice") }
            let text = try value(&words)
            guard let number = Self.proto(text) else { throw Complaint("\(text): unknown protocol") }
            if number == 0 && isNegated { throw Complaint("\(text): this rule would match no packet") }
            proto = (number, isNegated)
            if number != 0 { matches.append(MarkMatch(.proto([number]), isNegated: isNegated)) }
        case "-f", "--fragment", "--fragments":
            guard family == .v4 else { throw Complaint("\(name): not understood") }
            matches.append(MarkMatch(.laterFragment, isNegated: isNegated))
        case "-c", "--set-counters":
            try refuseNegation()
            for _ in 0..<2 {
                let count = try value(&words)
                guard UInt64(count) != nil else { throw Complaint("\(count): not a number of packets or bytes") }
            }
        case "-m", "--match":
            try refuseNegation()
            let extent = try value(&words)
            guard let protos = Self.extensions[extent], extent != "icmp6" || family == .v6 else {
                throw Complaint("\(extent): no match that is understood here")
            }
            if !protos.isEmpty {
                demands.append((extent, protos))
                // Such a match looks at the transport header even where it has nothing to compare.
                matches.append(MarkMatch(.laterFragment, isNegated: true))
            }
            loaded.insert(extent)
        case "-j", "--jump", "-g", "--goto":
            try refuseNegation()
            guard target == nil, !isMark else { throw Complaint("\(name): given twice") }
            let goal = try value(&words)
            switch goal {
            case "MARK" where name == "-j" || name == "--jump": isMark = true
            case "ACCEPT": target = .known(.accept)
            case "RETURN": target = .known(.return)
            default:
                guard chains.contains(goal) else { throw Complaint("\(goal): no target that is understood here, and no chain") }
                target = .chain(goal, isGoto: name == "-g" || name == "--goto")
            }
        case "--set-mark", "--set-xmark", "--and-mark", "--or-mark", "--xor-mark":
            try refuseNegation()
            guard isMark else { throw Complaint("\(name): needs -j MARK before it") }
            guard target == nil else { throw Complaint("\(name): MARK takes one option") }
            target = .known(try marking(name, value(&words)))
        default:
            try match(name, isNegated, given)
        }
    }

    /// Options of the extensions.
    private mutating func match(_ name: String, _ isNegated: Bool, _ given: String?) throws(Complaint) {
        func value(_ words: inout WordReader) throws(Complaint) -> String {
            if let given { return given }
            return try words.argument(of: name)
        }
        let condition: MarkMatch.Condition
        switch name {
        case "--sport", "--source-port", "--dport", "--destination-port":
            demands.append((name, [6, 17, 33, 132, 136]))
            let range = try Self.ports(value(&words))
            condition = name.hasPrefix("--s") ? .sourcePort([range]) : .destinationPort([range])
        case "--sports", "--source-ports", "--dports", "--destination-ports", "--ports":
            guard loaded.contains("multiport") else { throw Complaint("\(name): needs -m multiport") }
            let ranges = try Self.portList(value(&words))
            condition = name == "--ports" ? .eitherPort(ranges) : name.hasPrefix("--s") ? .sourcePort(ranges) : .destinationPort(ranges)
        case "--tcp-flags":
            demands.append((name, [6]))
            let mask = try Self.flags(value(&words))
            condition = .tcpFlags(mask: mask, value: try Self.flags(try words.argument(of: name)))
        case "--syn":
            demands.append((name, [6]))
            condition = .tcpFlags(mask: 0x17, value: 0x02)
        case "--icmp-type" where family == .v4, "--icmpv6-type" where family == .v6:
            demands.append((name, [family == .v4 ? 1 : 58]))
            let text = try value(&words)
            guard let (types, codes) = Self.icmp(text, family) else { throw Complaint("\(text): unknown ICMP type") }
            condition = .icmp(types: types, codes: codes)
        case "--mark":
            guard loaded.contains("mark") else { throw Complaint("--mark: needs -m mark") }
            let (bits, mask) = try Self.masked(value(&words))
            condition = .mark(value: bits, mask: mask)
        case "--dst-type":
            guard loaded.contains("addrtype") else { throw Complaint("--dst-type: needs -m addrtype") }
            let type = try value(&words)
            guard type == "LOCAL" else { throw Complaint("\(type): only LOCAL is understood") }
            condition = .local
        case "--comment":
            guard loaded.contains("comment") else { throw Complaint("--comment: needs -m comment") }
            if isNegated { throw Complaint("--comment: cannot be negated") }
            _ = try value(&words)
            return
        default:
            throw Complaint("\(name): not understood")
        }
        matches.append(MarkMatch(condition, isNegated: isNegated))
    }

    /// Extensions by name, with the protocols of which the rule has to have one.
    private static let extensions: [String: Set<UInt8>] = [
        "tcp": [6], "udp": [17], "sctp": [132], "udplite": [136], "dccp": [33], "icmp": [1], "icmp6": [58], "icmpv6": [58],
        "multiport": [6, 17, 33, 132, 136], "mark": [], "comment": [], "addrtype": [],
    ]

    private func marking(_ option: String, _ text: String) throws(Complaint) -> MarkTarget {
        let (value, mask) = try Self.masked(text, hasMask: option.hasPrefix("--set-"))
        return switch option {
        case "--set-mark": .mark(clearing: mask | value, toggling: value)
        case "--set-xmark": .mark(clearing: mask, toggling: value)
        case "--and-mark": .mark(clearing: ~value, toggling: 0)
        case "--or-mark": .mark(clearing: value, toggling: value)
        default: .mark(clearing: 0, toggling: value)
        }
    }

    private mutating func places(_ text: String) throws(Complaint) -> [MaskedAddress] {
        let words = text.split(separator: ",", omittingEmptySubsequences: false)
        hasList = hasList || words.count > 1
        var places: [MaskedAddress] = []
        for word in words {
            guard let place = Self.place(word, family) else { throw Complaint("\(word): host or network not found") }
            places.append(place)
        }
        return places
    }
}

extension MarkMatch {
    fileprivate var isOfAddress: Bool {
        switch condition {
        case .source, .destination: true
        default: false
        }
    }
}
