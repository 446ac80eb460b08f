import Host
import LVS
import Testing
import Wire

/// Whatever happens, in whatever order: what was followed is what is there.
@Suite(.enabled(if: isRoot))
struct HostNetworkRandomTests {
    /// A linear congruential generator: the same commands every time.
    private struct SeededGenerator {
        var state: UInt64
        mutating func roll(_ sides: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % sides
        }
        mutating func pick(_ words: [String]) -> String { words[roll(words.count)] }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func manyCommands(_ seed: UInt64) throws {
        try inNamespace {
            try shell(
                "ip link add eta type veth peer name etb", "ip link set eta up", "ip link set etb up", "ip addr add 10.0.0.1/16 dev eta",
                "ip addr add 10.1.0.1/16 dev etb", "ip -6 addr add 2001:db8:a::1/64 dev eta nodad",
                "ip -6 addr add 2001:db8:b::1/64 dev etb nodad")
            let host = try HostNetwork()
            var network = LVS.Network()
            var dice = SeededGenerator(state: seed)
            for round in 0..<8 {
                let commands = (0..<15).map { _ in Self.command(&dice) }
                // Commands that make no sense at the moment are refused by the kernel; that is part of the game.
                _ = try output(of: "(\(commands.joined(separator: "; "))) 2>/dev/null")
                var difference: [String] = []
                let agrees = try wait(seconds: 1) {
                    try host.update(&network)
                    difference = try HostNetworkTests.difference(network)
                    return difference.isEmpty
                }
                #expect(agrees, "round \(round): \(difference) after \(commands)")
                guard agrees else { return }
            }
        }
    }

    private static func command(_ dice: inout SeededGenerator) -> String {
        let link = dice.pick(["eta", "etb"])
        let verb = dice.pick(["add", "add", "append", "prepend", "replace", "change", "del", "del"])
        let metric = dice.pick(["", "", " metric 5"])
        let prefix4 = dice.pick(["192.0.2.0/24", "192.0.2.0/25", "198.51.100.0/24", "default", "203.0.113.7/32"])
        let prefix6 = dice.pick(["2001:db8:1::/48", "2001:db8:1::/64", "default", "2001:db8:2::7/128"])
        let hop4 = { (dice: inout SeededGenerator) in dice.pick(["via 10.0.0.2", "via 10.0.0.3", "via 10.1.0.2", "dev eta", "dev etb"]) }
        let hop6 = { (dice: inout SeededGenerator) in
            dice.pick(["via 2001:db8:a::2", "via 2001:db8:a::3", "via 2001:db8:b::2", "dev eta", "dev etb"])
        }
        switch dice.roll(12) {
        case 0: return "ip link set \(link) \(dice.pick(["up", "up", "down"]))"
        case 1: return "ip addr \(dice.pick(["add", "del"])) 10.\(dice.roll(2)).0.\(1 + dice.roll(3))/16 dev \(link)"
        case 2: return "ip -6 addr \(dice.pick(["add", "del"])) 2001:db8:\(dice.pick(["a", "b"]))::\(1 + dice.roll(3))/64 dev \(link) nodad"
        case 3:
            return
                "ip neigh \(dice.pick(["replace", "replace", "del"])) 10.0.0.\(dice.roll(4)) lladdr 02:00:00:00:00:0\(dice.roll(9)) dev \(link)"
        case 4: return "ip route \(verb) \(prefix4) \(hop4(&dice)) src 10.\(dice.roll(2)).0.\(1 + dice.roll(3))\(metric)"
        case 5, 6: return "ip route \(verb) \(prefix4)\(dice.pick([" tos 4", "", ""])) \(hop4(&dice))\(metric)"
        case 7: return "ip route \(verb) \(prefix4) nexthop \(hop4(&dice)) nexthop \(hop4(&dice))\(metric)"
        case 8: return "ip route \(verb) \(dice.pick(["unreachable", "blackhole", "prohibit", "throw"])) \(prefix4)\(metric)"
        case 9: return "ip -6 route \(verb) \(prefix6) nexthop \(hop6(&dice)) nexthop \(hop6(&dice))\(metric)"
        default: return "ip -6 route \(verb) \(prefix6) \(hop6(&dice))\(metric)"
        }
    }
}
