public import LVS
import Wire

/// A file of `ip -batch` lines that describes the director's network: `link`, `addr`, `route`, `rule` and `neigh`.
///
/// Interface 1 is `lo`, up, with 127.0.0.1/8 and ::1. Others begin to exist, down, with the first `link` line that names
/// them and are numbered from 2. As in the kernel, addresses bring local and connected routes, a route's next hop has
/// to be reachable, and an Ethernet interface that is up has its IPv6 link-local address.
public struct NetworkFile: Sendable {
    public private(set) var network: Network
    private var builder = NetworkBuilder()

    /// Reads all lines.
    /// - Throws: `FileError` for every line that is not understood or that the kernel would refuse, but for what only follows from
    ///   another line's.
    public init(_ text: String, file: String) throws(FileError) {
        network = Network()
        var errors = FileErrors()
        for (number, words) in Self.commands(in: text) {
            do throws(Complaint) { try builder.apply(words) } catch {
                builder.noteFailure(of: words)
                errors.add(error, in: file, line: number)
            }
        }
        try errors.check()
        network = builder.finish()
    }

    /// Carries out one more line.
    /// - Throws: `FileError` when the kernel would refuse it; nothing has changed then.
    public mutating func change(_ words: [String], file: String, line: Int) throws(FileError) {
        do throws(Complaint) { try builder.apply(words) } catch { throw FileError(file: file, line: line, text: error.text) }
        network = builder.finish()
    }

    /// Words of each command with the number of its first line. As in `ip -batch`, `#` begins a comment, a backslash at
    /// the end of a line continues it, and quotes of either kind keep blanks together.
    static func commands(in text: String) -> [(Int, [String])] {
        var commands: [(Int, [String])] = []
        var pending = ""
        var start = 0
        let lines = TextFile.lines(of: text)
        for (index, line) in lines.enumerated() {
            if pending.isEmpty { start = index + 1 }
            let spoken = line.prefix { $0 != "#" }.trimmed
            pending += spoken
            if spoken.last == "\\" && index + 1 < lines.count {
                pending.removeLast()
                pending += " "
                continue
            }
            let words = split(pending)
            if !words.isEmpty { commands.append((start, words)) }
            pending = ""
        }
        return commands
    }

    private static func split(_ line: String) -> [String] {
        var words: [String] = []
        var word = ""
        var quote: Character?
        var isInWord = false
        for character in line {
            if let open = quote {
                if character == open { quote = nil } else { word.append(character) }
            } else if character == "\"" || character == "'" {
                quote = character
                isInWord = true
            } else if character == " " || character == "\t" || character == "\r" {
                if isInWord { words.append(word) }
                word = ""
                isInWord = false
            } else {
                word.append(character)
                isInWord = true
            }
        }
        if isInWord { words.append(word) }
        return words
    }
}

extension Network {
    /// The interface that `in.pcap` and `out.pcap` of a case mean: the first that is not the loopback.
    public var firstEthernet: Interface? { interfaces.first { !$0.isLoopback } }
}

/// The network while its lines are read.
struct NetworkBuilder {
    var interfaces: [Network.Interface]
    var assignments: [Assignment] = []
    /// Routes that lines asked for, and the kernel's own; by key, as a second one of the same key is refused.
    var routes: [Network.Route] = []
    var places: [RouteKey: Int] = [:]
    var neighbors: [Network.NeighborKey: MACAddress] = [:]
    /// Rules of policy routing, each family's in order.
    var rules = PolicyRule.standard
    /// IPv4's tables local and main are apart: a line has made or deleted a rule.
    var hasTouchedRules4 = false
    /// Interfaces that make no link-local address (`addrgenmode none`).
    var withoutLinkLocal: Set<Int32> = []
    /// What `-4` or `-6` before the object demands.
    var family: IPFamily?
    /// Words of lines about links that failed, and whether any about a link or an address did.
    var lostLinks: Set<String> = []
    var hasLostAddresses = false

    struct RouteKey: Hashable {
        var prefix: IPAddress
        var length: Int
        var metric: UInt32
        var table: UInt32
        var typeOfService: UInt8

        init(_ route: Network.Route) {
            prefix = route.prefix
            length = route.length
            metric = route.metric
            table = route.table
            typeOfService = route.typeOfService
        }
    }

    /// An address and the routes that it brings while its interface is up.
    struct Assignment {
        var address: Network.Address
        var connected: [Network.Route]
    }

    init() {
        interfaces = [Network.Interface(index: 1, name: "lo", mac: .zero, mtu: 65536, isLoopback: true)]
        assign(Assignment(IPAddress(v4: 0x7f00_0001), length: 8, to: interfaces[0]))
        assign(Assignment(IPAddress(high: 0, low: 1), length: 128, to: interfaces[0]))
    }

    /// Carries out one line.
    mutating func apply(_ line: [String]) throws(Complaint) {
        var words = WordReader(line)
        family = nil
        while let option = words.peek, option.hasPrefix("-") {
            _ = words.next()
            switch option {
            case "-4": family = .v4
            case "-6": family = .v6
            case "-f", "-family", "--family":
                let name = try words.argument(of: option)
                guard name == "inet" || name == "inet6" else { throw Complaint("\(option): \(name): only inet and inet6") }
                family = name == "inet" ? .v4 : .v6
            default: throw Complaint("Option \"\(option)\" is unknown, try \"ip -help\"")
            }
        }
        guard let object = words.next() else { throw Complaint("an object is missing: link, addr, route, rule or neigh") }
        func names(_ full: String) -> Bool { full.hasPrefix(object) }
        if names("address") {
            try address(&words)
        } else if names("route") {
            try route(&words)
        } else if names("rule") {
            try rule(&words)
        } else if names("link") {
            try link(&words)
        } else if names("neighbor") || names("neighbour") {
            try neighbor(&words)
        } else {
            throw Complaint("Object \"\(object)\" is unknown: link, addr, route, rule or neigh")
        }
    }

    func device(_ name: String) throws(Complaint) -> Network.Interface {
        guard let found = interfaces.first(where: { $0.name == name }) else {
            throw Complaint("Cannot find device \"\(name)\"", isSequel: lostLinks.contains(name))
        }
        return found
    }

    /// Later lines may miss what this one would have brought.
    mutating func noteFailure(of line: [String]) {
        guard let object = line.first(where: { !$0.hasPrefix("-") && !$0.hasPrefix("inet") }) else { return }
        if "link".hasPrefix(object) { lostLinks.formUnion(line) }
        hasLostAddresses = hasLostAddresses || "link".hasPrefix(object) || "address".hasPrefix(object)
    }

    /// What may be missing because of a line about a link or an address that failed.
    func missing(_ text: String) -> Complaint { Complaint(text, isSequel: hasLostAddresses) }

    func up(_ index: Int32) -> Bool { interfaces.contains { $0.index == index && $0.isUp } }

    /// The command word: `add` or one of its relatives, abbreviated as `ip` allows.
    static func verb(_ words: inout WordReader, _ verbs: [String]) throws(Complaint) -> String {
        let word = try words.argument(of: "command")
        guard let verb = verbs.first(where: { $0.hasPrefix(word) }) else {
            throw Complaint("Command \"\(word)\" is unknown here: \(verbs.joined(separator: ", "))")
        }
        return verb
    }

    /// Checks an address against `-4` or `-6`.
    func expect(_ address: IPAddress, _ word: String) throws(Complaint) {
        guard let family, family != address.family else { return }
        throw Complaint("\(word): not an address of \(family == .v4 ? "IPv4" : "IPv6")")
    }

    /// The network as it stands after the last line.
    func finish() -> Network {
        var last = self
        for interface in interfaces
        where interface.isUp && !interface.isLoopback && interface.mtu >= 1280
            && !withoutLinkLocal.contains(interface.index)
        {
            let address = Self.linkLocal(interface.mac)
            // One that a line has given the interface is there once.
            if last.assignments.contains(where: { $0.address.address == address && $0.address.interface == interface.index }) { continue }
            last.assign(Assignment(address, length: 64, to: interface))
        }
        var network = Network()
        network.interfaces = last.interfaces
        network.addresses = last.assignments.map { $0.address }
        network.routes = last.routes
        network.rules = rules
        network.joinsLocalAndMain = !hasTouchedRules4
        for (key, mac) in neighbors { network.setNeighbor(key.address, on: key.interface, to: mac) }
        return network
    }

    /// fe80:: with the modified EUI-64 of a MAC (RFC 4291 appendix A).
    static func linkLocal(_ mac: MACAddress) -> IPAddress {
        let flipped = mac.bits ^ 0x0200_0000_0000
        return IPAddress(high: 0xfe80 << 48, low: (flipped >> 24) << 40 | 0xff_fe00_0000 | flipped & 0xff_ffff)
    }
}
