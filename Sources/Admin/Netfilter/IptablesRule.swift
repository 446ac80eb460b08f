import LVS
import Wire

/// One rule of iptables, read word by word. Words of matches and targets that nobody here knows become conditions and targets
/// that are not understood; what is wrong in known words is an error.
struct IptablesRule {
    enum Target {
        case known(MarkTarget)
        case chain(String, isGoto: Bool)
    }

    let family: IPFamily
    /// Names that `-j` and `-g` can lead to.
    let chains: Set<String>
    /// Ports and flags of TCP and UDP are matched by nftables itself.
    let isNative: Bool
    var words: WordReader
    /// What the rule's IP part demands comes before the extensions, wherever it is written.
    var headerMatches: [MarkMatch] = []
    var matches: [MarkMatch] = []
    var target: Target?
    /// Extensions that `-m` named, the last one last.
    var loaded: [String] = []
    /// Options that only make sense for some protocols, to be checked when `-p` is known.
    var demands: [(word: String, protos: Set<UInt8>)] = []
    var proto: (number: UInt8, isNegated: Bool)?
    /// An address option had more than one address.
    private var hasList = false
    /// The target that waits for its options.
    var pending: String?
    /// Options of tcp or udp that nftables understands were given.
    var hasNativeOption = false

    init(_ words: [String], _ family: IPFamily, chains: Set<String>, isNative: Bool) {
        self.words = WordReader(words)
        self.chains = chains
        self.family = family
        self.isNative = isNative
    }

    /// Understands the whole rule.
    func read() throws(Complaint) -> (matches: [MarkMatch], target: Target?) {
        var reader = self
        while let word = reader.words.next() {
            let isNegated = word == "!"
            try reader.option(isNegated ? try reader.words.argument(of: "!") : word, isNegated)
        }
        if let pending = reader.pending, reader.target == nil { reader.target = .known(try Self.finished(pending, family)) }
        if reader.hasList && reader.headerMatches.contains(where: { $0.isNegated && $0.isOfAddress }) {
            throw Complaint("!: not allowed with several addresses")
        }
        for demand in reader.demands {
            guard let proto = reader.proto, !proto.isNegated, demand.protos.contains(proto.number) else {
                throw Complaint("\(demand.word): needs -p \(demand.protos.sorted().map(Self.protoName).joined(separator: ", "))")
            }
        }
        if isNative, reader.hasNativeOption {
            reader.matches.removeAll {
                if case .header(let proto, _) = $0.condition { proto == IPProtocol.tcp || proto == IPProtocol.udp } else { false }
            }
        }
        return (reader.headerMatches + reader.matches, reader.target)
    }

    private mutating func option(_ word: String, _ isNegated: Bool) throws(Complaint) {
        // `--name=value` is one word for getopt.
        var name = word
        var given: String?
        if word.hasPrefix("--"), let equals = word.firstIndex(of: "=") {
            name = String(word[..<equals])
            given = String(word[word.index(after: equals)...])
        }
        func refuseNegation() throws(Complaint) {
            if isNegated { throw Complaint("\(name): cannot be negated") }
        }
        switch name {
        case "-s", "--source", "--src":
            headerMatches.append(MarkMatch(.sources(try places(value(of: name, given))), isNegated: isNegated))
        case "-d", "--destination", "--dst":
            headerMatches.append(MarkMatch(.destinations(try places(value(of: name, given))), isNegated: isNegated))
        case "-i", "--in-interface":
            let interface = try value(of: name, given)
            guard !interface.isEmpty, interface.utf8.count < 16 else { throw Complaint("\(interface): no name of an interface") }
            if interface != "+" || isNegated { headerMatches.append(MarkMatch(.ingress([interface]), isNegated: isNegated)) }
        case "-p", "--protocol", "--proto":
            guard proto == nil else { throw Complaint("\(name): given twice") }
            let text = try value(of: name, given)
            guard let number = Self.proto(text) else { throw Complaint("\(text): unknown protocol") }
            if number == 0 && isNegated { throw Complaint("\(text): this rule would match no packet") }
            proto = (number, isNegated)
            if number != 0 { headerMatches.append(MarkMatch(.proto([number]), isNegated: isNegated)) }
        case "-f", "--fragment", "--fragments":
            guard family == .v4 else { throw Complaint("\(name): not understood") }
            headerMatches.append(MarkMatch(.laterFragment, isNegated: isNegated))
        case "-c", "--set-counters":
            try refuseNegation()
            for _ in 0..<2 {
                let count = try words.argument(of: name)
                guard UInt64(count) != nil else { throw Complaint("\(count): not a number of packets or bytes") }
            }
        case "-m", "--match":
            try refuseNegation()
            load(try value(of: name, given))
        case "-j", "--jump", "-g", "--goto":
            try refuseNegation()
            guard target == nil, pending == nil else { throw Complaint("\(name): given twice") }
            aim(at: try value(of: name, given), isGoto: name == "-g" || name == "--goto")
        default:
            if try targetOption(name, given, isNegated) { return }
            try match(name, isNegated, given)
        }
    }

    /// What an option has behind it, or behind its `=`.
    mutating func value(of name: String, _ given: String?) throws(Complaint) -> String {
        if let given { return given }
        return try words.argument(of: name)
    }

    /// Passes over what belongs to an option whose meaning is not known: all words up to the next option.
    mutating func skip() {
        while let word = words.peek, !word.hasPrefix("-"), word != "!" { _ = words.next() }
    }

    /// Extensions by name, with the protocols of which the rule has to have one and the bytes of their header that are read.
    private static let extensions: [String: (protos: Set<UInt8>, header: (proto: UInt8, length: Int)?)] = [
        "tcp": ([6], (6, 20)), "udp": ([17], (17, 8)), "sctp": ([132], (132, 12)), "udplite": ([136], (136, 8)), "dccp": ([33], (33, 12)),
        "icmp": ([1], (1, 8)), "icmp6": ([58], (58, 8)), "icmpv6": ([58], (58, 8)), "multiport": ([6, 17, 33, 132, 136], (0, 4)),
        "mark": ([], nil), "comment": ([], nil), "addrtype": ([], nil), "connmark": ([], nil), "conntrack": ([], nil), "state": ([], nil),
        "iprange": ([], nil), "mac": ([], nil), "length": ([], nil), "ttl": ([], nil), "hl": ([], nil), "tos": ([], nil), "dscp": ([], nil),
        "pkttype": ([], nil), "rpfilter": ([], nil),
    ]

    private mutating func load(_ name: String) {
        loaded.append(name)
        guard let known = Self.extensions[name], name != "icmp6" || family == .v6 else {
            matches.append(MarkMatch(.unclear("\(name): no match that is understood here")))
            return
        }
        if !known.protos.isEmpty { demands.append((name, known.protos)) }
        if let header = known.header { look(at: header.proto, header.length) }
        // Without options it asks whether the way back leads there.
        if name == "rpfilter" { matches.append(MarkMatch(.lookup(MarkLookup(.reversePath, [1...1])))) }
    }

    /// An extension reads a header, once.
    private mutating func look(at proto: UInt8, _ length: Int) {
        let match = MarkMatch(.header(proto: proto, length: length))
        if !matches.contains(match) { matches.append(match) }
    }

    /// An option of the protocol's own extension, which `-p` loads by itself.
    mutating func implyHeader() {
        guard let proto, !proto.isNegated, let known = Self.extensions[Self.protoName(proto.number)]?.header else { return }
        look(at: known.proto, known.length)
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
        case .sources, .destinations: true
        default: false
        }
    }
}
