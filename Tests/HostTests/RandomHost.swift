import LVS
import Wire

/// A host with random addresses, tables and rules, in the words of `ip -batch`, and questions about its routing.
struct RandomHost {
    private var generator: CommandGenerator

    init(seed: UInt64) {
        generator = CommandGenerator(state: seed &* 0x9e37_79b9_7f4a_7c15)
        _ = generator.roll(2)
    }

    /// Three links to nobody, with the addresses that questions know.
    static let links = """
        ip link set lo up
        for n in a b c; do ip link add et$n type veth peer name pe$n; ip link set pe$n up; ip link set et$n up; done
        for f in all default eta etb etc; do echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter; done
        echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
        ip -batch - <<'E'
        addr add 10.0.0.1/16 dev eta
        addr add 10.0.0.7/16 dev eta
        addr add 10.1.0.1/16 dev etb
        addr add 10.2.0.1/24 dev etc
        addr add 203.0.113.10/32 dev lo
        addr add 2001:db8:a::1/64 dev eta nodad
        addr add 2001:db8:b::1/64 dev etb nodad
        addr add 2001:db8:c::1/64 dev etc nodad
        addr add 2001:db8:f::10/128 dev lo nodad
        E
        """

    private static let own4 = ["10.0.0.1", "10.0.0.7", "10.1.0.1", "10.2.0.1", "203.0.113.10"]
    static let own6 = ["2001:db8:a::1", "2001:db8:b::1", "2001:db8:c::1", "2001:db8:f::10"]
    private static let far4 = ["192.0.2.5", "192.0.2.130", "198.51.100.33", "203.0.113.40", "10.7.1.2", "10.0.5.5", "10.9.9.9"]
    private static let far6 = ["2001:db8:1::5", "2001:db8:1:2::5", "2001:db8:2::33", "2001:db8:f::40", "2001:db8:a::55", "2001:db8:99::9"]
    private static let prefixes4 = [
        "default", "192.0.2.0/24", "192.0.2.0/25", "192.0.2.5/32", "198.51.100.0/24", "203.0.113.0/24", "10.7.0.0/16",
        "10.0.0.0/8", "0.0.0.0/1", "10.0.5.0/24",
    ]
    private static let prefixes6 = [
        "::/0", "2001:db8:1::/48", "2001:db8:1:2::/64", "2001:db8:1::5/128", "2001:db8:2::/48", "2001:db8:f::/64", "2000::/3",
        "2001:db8:a::/96",
    ]
    /// What may be the host's own without taking the gateways along.
    private static let locals4 = ["192.0.2.0/24", "192.0.2.5/32", "198.51.100.0/24", "203.0.113.0/24", "10.7.0.0/16", "10.0.5.0/24"]
    private static let locals6 = ["2001:db8:1::/48", "2001:db8:1:2::/64", "2001:db8:1::5/128", "2001:db8:2::/48", "2001:db8:f::/64"]
    private static let tables = ["main", "main", "100", "100", "200", "300", "default", "local"]

    // MARK: What the host has

    /// The lines for `ip -4 -batch` and `ip -6 -batch`.
    mutating func commands(_ family: IPFamily) -> [String] {
        var commands: [String] = []
        if family == .v4 {
            commands += (1...3).map {
                "nexthop add id \($0) \(generator.pick(["via 10.0.0.2 dev eta", "via 10.1.0.2 dev etb", "dev etc", "blackhole"]))"
            }
            commands.append("nexthop add id 10 group 1/2,\(1 + generator.roll(4))")
        }
        commands += (0..<6 + generator.roll(14)).map { _ in family == .v4 ? route4() : route6() }
        // Some hosts have the table local asked later, or no rule of their own.
        if generator.roll(6) == 0 { commands += ["rule add pref 500 lookup local", "rule del pref 0"] }
        if generator.roll(8) == 0 { return commands }
        commands += (0..<1 + generator.roll(8)).map { _ in rule(isV4: family == .v4) }
        if generator.roll(12) == 0 { commands.append("rule del pref 32766") }
        return commands
    }

    private mutating func route4() -> String {
        let prefix = generator.pick(Self.prefixes4), table = " table " + generator.pick(Self.tables)
        let tos = generator.roll(6) == 0 ? " tos " + generator.pick(["0x04", "0x08", "0x10"]) : ""
        let metric = generator.pick(["", "", " metric 5", " metric 20"])
        let hop = { (generator: inout CommandGenerator) in
            generator.pick([
                "via 10.0.0.2", "via 10.0.0.3", "via 10.1.0.2", "via 10.2.0.2", "dev eta", "dev etb", "dev etc",
                "via 172.31.0.1 dev etb onlink",
            ])
        }
        let verb = generator.pick(["add", "add", prefix == "default" ? "add" : "append", "replace"])
        switch generator.roll(12) {
        case 0, 1:
            return
                "route \(verb) \(generator.pick(["unreachable", "prohibit", "blackhole", "throw", "throw"])) \(prefix)\(tos)\(table)\(metric)"
        case 2: return "route \(verb) local \(generator.pick(Self.locals4)) dev \(generator.pick(["lo", "eta"]))\(table)"
        case 3:
            return
                "route \(verb) \(prefix)\(tos)\(table)\(metric) nexthop \(hop(&generator)) weight \(1 + generator.roll(4)) nexthop \(hop(&generator))"
        case 4: return "route \(verb) \(prefix)\(table)\(metric) nhid \(generator.pick(["1", "2", "3", "10"]))"
        case 5: return "route \(verb) \(prefix) \(hop(&generator)) src \(generator.pick(Self.own4))\(table)\(metric)"
        default: return "route \(verb) \(prefix)\(tos) \(hop(&generator))\(table)\(metric)"
        }
    }

    private mutating func route6() -> String {
        let prefix = generator.pick(Self.prefixes6), table = " table " + generator.pick(Self.tables)
        let metric = generator.pick(["", "", " metric 5", " metric 2000"])
        let hop = { (generator: inout CommandGenerator) in
            generator.pick(["via 2001:db8:a::2", "via 2001:db8:a::3", "via 2001:db8:b::2", "via fe80::5 dev etc", "dev eta", "dev etb"])
        }
        let verb = generator.pick(["add", "add", "append", "replace"])
        switch generator.roll(10) {
        case 0, 1:
            return "route \(verb) \(generator.pick(["unreachable", "prohibit", "blackhole", "throw", "throw"])) \(prefix)\(table)\(metric)"
        case 2: return "route \(verb) local \(generator.pick(Self.locals6)) dev lo\(table)"
        case 3:
            return
                "route \(verb) \(prefix)\(table)\(metric) nexthop \(hop(&generator)) weight \(1 + generator.roll(4)) nexthop \(hop(&generator))"
        case 4: return "route \(verb) \(prefix) \(hop(&generator)) pref \(generator.pick(["low", "medium", "high"]))\(table)\(metric)"
        default: return "route \(verb) \(prefix) \(hop(&generator))\(table)\(metric)"
        }
    }

    private mutating func rule(isV4: Bool) -> String {
        var words = ["rule add"]
        if generator.roll(3) > 0 { words.append("pref \(generator.pick(["0", "10", "20", "20", "100", "1000", "32766", "40000"]))") }
        if generator.roll(8) == 0 { words.append("not") }
        if generator.roll(2) == 0 { words.append("from " + selector(isV4)) }
        if generator.roll(3) == 0 { words.append("to " + selector(isV4)) }
        if generator.roll(4) == 0 { words.append("iif " + generator.pick(["lo", "eta", "etb", "gone0"])) }
        if generator.roll(12) == 0 { words.append("oif " + generator.pick(["eta", "gone0"])) }
        if generator.roll(3) == 0 { words.append("fwmark " + generator.pick(["1", "0x10/0xf0", "0/0xf", "2/3"])) }
        if generator.roll(8) == 0 { words.append("tos " + generator.pick(["0x04", "0x08", "0x10"])) }
        if generator.roll(10) == 0 { words.append("ipproto " + generator.pick(["tcp", "udp"])) }
        if generator.roll(10) == 0 { words.append("sport " + generator.pick(["80", "1000-2000"])) }
        if generator.roll(10) == 0 { words.append("dport " + generator.pick(["80", "443-8080"])) }
        if generator.roll(16) == 0 { words.append("uidrange 5-10") }
        if generator.roll(16) == 0 { words.append("tun_id 7") }
        switch generator.roll(14) {
        case 0: words.append("unreachable")
        case 1: words.append("prohibit")
        case 2: words.append("blackhole")
        case 3: words.append("goto " + generator.pick(["100", "1000", "32766", "40000"]))
        case 4: words.append("nop")
        default:
            words.append("lookup " + generator.pick(Self.tables))
            if generator.roll(5) == 0 { words.append("suppress_prefixlength " + generator.pick(["0", "16", "24"])) }
        }
        return words.joined(separator: " ")
    }

    private mutating func selector(_ isV4: Bool) -> String {
        isV4
            ? generator.pick(["192.0.2.0/24", "10.0.0.1", "10.0.0.0/8", "203.0.113.0/24", "198.51.100.33", "10.1.0.1", "192.0.2.5"])
            : generator.pick(["2001:db8:1::/48", "2001:db8:a::1", "2001:db8::/32", "2001:db8:f::/64", "2001:db8:2::33", "2001:db8:b::1"])
    }

    // MARK: What it is asked

    mutating func questions() -> [RouteQuestion] { (0..<24).map { _ in question(isV4: generator.roll(2) == 0) } }

    private mutating func question(isV4: Bool) -> RouteQuestion {
        let own = isV4 ? Self.own4 : Self.own6, far = isV4 ? Self.far4 : Self.far6
        var question = RouteQuestion(destination: generator.pick(generator.roll(5) == 0 ? own : far))
        if generator.roll(2) == 0 {
            question.ingress = generator.pick(["eta", "etb", "etc"])
            question.source = generator.pick(far)
        } else if generator.roll(2) == 0 {
            question.source = generator.pick(own)
        }
        if generator.roll(2) == 0 { question.mark = UInt32(generator.roll(20)) }
        if generator.roll(4) == 0 { question.typeOfService = UInt8([0x04, 0x08, 0x10][generator.roll(3)]) }
        if generator.roll(3) == 0 {
            question.transport = (
                generator.pick(["tcp", "udp"]), UInt16([80, 1500, 4000][generator.roll(3)]), UInt16([80, 443, 9000][generator.roll(3)])
            )
        }
        return question
    }
}
