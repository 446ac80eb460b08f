import LVS
import Wire

/// A host with random addresses, tables and rules, in the words of `ip -batch`, and questions about its routing.
struct RandomHost {
    private var dice: CommandDice

    init(seed: UInt64) {
        dice = CommandDice(state: seed &* 0x9e37_79b9_7f4a_7c15)
        _ = dice.roll(2)
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
    private static let own6 = ["2001:db8:a::1", "2001:db8:b::1", "2001:db8:c::1", "2001:db8:f::10"]
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
                "nexthop add id \($0) \(dice.pick(["via 10.0.0.2 dev eta", "via 10.1.0.2 dev etb", "dev etc", "blackhole"]))"
            }
            commands.append("nexthop add id 10 group 1/2,\(1 + dice.roll(4))")
        }
        commands += (0..<6 + dice.roll(14)).map { _ in family == .v4 ? route4() : route6() }
        // Some hosts have the table local asked later, or no rule of their own.
        if dice.roll(6) == 0 { commands += ["rule add pref 500 lookup local", "rule del pref 0"] }
        if dice.roll(8) == 0 { return commands }
        commands += (0..<1 + dice.roll(8)).map { _ in rule(isV4: family == .v4) }
        if dice.roll(12) == 0 { commands.append("rule del pref 32766") }
        return commands
    }

    private mutating func route4() -> String {
        let prefix = dice.pick(Self.prefixes4), table = " table " + dice.pick(Self.tables)
        let tos = dice.roll(6) == 0 ? " tos " + dice.pick(["0x04", "0x08", "0x10"]) : ""
        let metric = dice.pick(["", "", " metric 5", " metric 20"])
        let hop = { (dice: inout CommandDice) in
            dice.pick([
                "via 10.0.0.2", "via 10.0.0.3", "via 10.1.0.2", "via 10.2.0.2", "dev eta", "dev etb", "dev etc",
                "via 172.31.0.1 dev etb onlink",
            ])
        }
        let verb = dice.pick(["add", "add", prefix == "default" ? "add" : "append", "replace"])
        switch dice.roll(12) {
        case 0, 1:
            return "route \(verb) \(dice.pick(["unreachable", "prohibit", "blackhole", "throw", "throw"])) \(prefix)\(tos)\(table)\(metric)"
        case 2: return "route \(verb) local \(dice.pick(Self.locals4)) dev \(dice.pick(["lo", "eta"]))\(table)"
        case 3:
            return "route \(verb) \(prefix)\(tos)\(table)\(metric) nexthop \(hop(&dice)) weight \(1 + dice.roll(4)) nexthop \(hop(&dice))"
        case 4: return "route \(verb) \(prefix)\(table)\(metric) nhid \(dice.pick(["1", "2", "3", "10"]))"
        case 5: return "route \(verb) \(prefix) \(hop(&dice)) src \(dice.pick(Self.own4))\(table)\(metric)"
        default: return "route \(verb) \(prefix)\(tos) \(hop(&dice))\(table)\(metric)"
        }
    }

    private mutating func route6() -> String {
        let prefix = dice.pick(Self.prefixes6), table = " table " + dice.pick(Self.tables)
        let metric = dice.pick(["", "", " metric 5", " metric 2000"])
        let hop = { (dice: inout CommandDice) in
            dice.pick(["via 2001:db8:a::2", "via 2001:db8:a::3", "via 2001:db8:b::2", "via fe80::5 dev etc", "dev eta", "dev etb"])
        }
        let verb = dice.pick(["add", "add", "append", "replace"])
        switch dice.roll(10) {
        case 0, 1:
            return "route \(verb) \(dice.pick(["unreachable", "prohibit", "blackhole", "throw", "throw"])) \(prefix)\(table)\(metric)"
        case 2: return "route \(verb) local \(dice.pick(Self.locals6)) dev lo\(table)"
        case 3: return "route \(verb) \(prefix)\(table)\(metric) nexthop \(hop(&dice)) weight \(1 + dice.roll(4)) nexthop \(hop(&dice))"
        case 4: return "route \(verb) \(prefix) \(hop(&dice)) pref \(dice.pick(["low", "medium", "high"]))\(table)\(metric)"
        default: return "route \(verb) \(prefix) \(hop(&dice))\(table)\(metric)"
        }
    }

    private mutating func rule(isV4: Bool) -> String {
        var words = ["rule add"]
        if dice.roll(3) > 0 { words.append("pref \(dice.pick(["0", "10", "20", "20", "100", "1000", "32766", "40000"]))") }
        if dice.roll(8) == 0 { words.append("not") }
        if dice.roll(2) == 0 { words.append("from " + selector(isV4)) }
        if dice.roll(3) == 0 { words.append("to " + selector(isV4)) }
        if dice.roll(4) == 0 { words.append("iif " + dice.pick(["lo", "eta", "etb", "gone0"])) }
        if dice.roll(12) == 0 { words.append("oif " + dice.pick(["eta", "gone0"])) }
        if dice.roll(3) == 0 { words.append("fwmark " + dice.pick(["1", "0x10/0xf0", "0/0xf", "2/3"])) }
        if dice.roll(8) == 0 { words.append("tos " + dice.pick(["0x04", "0x08", "0x10"])) }
        if dice.roll(10) == 0 { words.append("ipproto " + dice.pick(["tcp", "udp"])) }
        if dice.roll(10) == 0 { words.append("sport " + dice.pick(["80", "1000-2000"])) }
        if dice.roll(10) == 0 { words.append("dport " + dice.pick(["80", "443-8080"])) }
        if dice.roll(16) == 0 { words.append("uidrange 5-10") }
        if dice.roll(16) == 0 { words.append("tun_id 7") }
        switch dice.roll(14) {
        case 0: words.append("unreachable")
        case 1: words.append("prohibit")
        case 2: words.append("blackhole")
        case 3: words.append("goto " + dice.pick(["100", "1000", "32766", "40000"]))
        case 4: words.append("nop")
        default:
            words.append("lookup " + dice.pick(Self.tables))
            if dice.roll(5) == 0 { words.append("suppress_prefixlength " + dice.pick(["0", "16", "24"])) }
        }
        return words.joined(separator: " ")
    }

    private mutating func selector(_ isV4: Bool) -> String {
        isV4
            ? dice.pick(["192.0.2.0/24", "10.0.0.1", "10.0.0.0/8", "203.0.113.0/24", "198.51.100.33", "10.1.0.1", "192.0.2.5"])
            : dice.pick(["2001:db8:1::/48", "2001:db8:a::1", "2001:db8::/32", "2001:db8:f::/64", "2001:db8:2::33", "2001:db8:b::1"])
    }

    // MARK: What it is asked

    mutating func questions() -> [RouteQuestion] { (0..<24).map { _ in question(isV4: dice.roll(2) == 0) } }

    private mutating func question(isV4: Bool) -> RouteQuestion {
        let own = isV4 ? Self.own4 : Self.own6, far = isV4 ? Self.far4 : Self.far6
        var question = RouteQuestion(destination: dice.pick(dice.roll(5) == 0 ? own : far))
        if dice.roll(2) == 0 {
            question.ingress = dice.pick(["eta", "etb", "etc"])
            question.source = dice.pick(far)
        } else if dice.roll(2) == 0 {
            question.source = dice.pick(own)
        }
        if dice.roll(2) == 0 { question.mark = UInt32(dice.roll(20)) }
        if dice.roll(4) == 0 { question.typeOfService = UInt8([0x04, 0x08, 0x10][dice.roll(3)]) }
        if dice.roll(3) == 0 {
            question.transport = (
                dice.pick(["tcp", "udp"]), UInt16([80, 1500, 4000][dice.roll(3)]), UInt16([80, 443, 9000][dice.roll(3)])
            )
        }
        return question
    }
}
