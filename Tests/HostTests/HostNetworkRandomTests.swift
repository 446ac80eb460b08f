import Host
import LVS
import Testing
import Wire

/// Whatever happens, in whatever order: what was followed is what is there.
@Suite(.enabled(if: isRoot))
struct HostNetworkRandomTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func manyCommands(_ seed: UInt64) throws {
        try inNamespace {
            try shell(
                "ip link add eta type veth peer name etb", "ip link set eta up", "ip link set etb up", "ip addr add 10.0.0.1/16 dev eta",
                "ip addr add 10.1.0.1/16 dev etb", "ip -6 addr add 2001:db8:a::1/64 dev eta nodad",
                "ip -6 addr add 2001:db8:b::1/64 dev etb nodad")
            let host = try HostNetwork()
            var network = LVS.Network()
            var generator = CommandGenerator(state: seed)
            for round in 0..<8 {
                let commands = (0..<15).map { _ in Self.command(&generator) }
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

    static func command(_ generator: inout CommandGenerator) -> String {
        let link = generator.pick(["eta", "etb"])
        let verb = generator.pick(["add", "add", "append", "prepend", "replace", "change", "del", "del"])
        let metric = generator.pick(["", "", " metric 5"])
        let prefix4 = generator.pick(["192.0.2.0/24", "192.0.2.0/25", "198.51.100.0/24", "default", "203.0.113.7/32"])
        let prefix6 = generator.pick(["2001:db8:1::/48", "2001:db8:1::/64", "default", "2001:db8:2::7/128"])
        let hop4 = { (generator: inout CommandGenerator) in
            generator.pick(["via 10.0.0.2", "via 10.0.0.3", "via 10.1.0.2", "dev eta", "dev etb"])
        }
        let hop6 = { (generator: inout CommandGenerator) in
            generator.pick(["via 2001:db8:a::2", "via 2001:db8:a::3", "via 2001:db8:b::2", "dev eta", "dev etb"])
        }
        let table = generator.pick(["", "", " table 77"])
        switch generator.roll(13) {
        case 0: return "ip link set \(link) \(generator.pick(["up", "up", "down"]))"
        case 1: return "ip addr \(generator.pick(["add", "del"])) 10.\(generator.roll(2)).0.\(1 + generator.roll(3))/16 dev \(link)"
        case 2:
            return
                "ip -6 addr \(generator.pick(["add", "del"])) 2001:db8:\(generator.pick(["a", "b"]))::\(1 + generator.roll(3))/64 dev \(link) nodad"
        case 3:
            return
                "ip neigh \(generator.pick(["replace", "replace", "del"])) 10.0.0.\(generator.roll(4)) lladdr 02:00:00:00:00:0\(generator.roll(9)) dev \(link)"
        case 4:
            return "ip route \(verb) \(prefix4) \(hop4(&generator)) src 10.\(generator.roll(2)).0.\(1 + generator.roll(3))\(metric)\(table)"
        case 5, 6: return "ip route \(verb) \(prefix4)\(generator.pick([" tos 4", "", ""])) \(hop4(&generator))\(metric)\(table)"
        case 7: return "ip route \(verb) \(prefix4) nexthop \(hop4(&generator)) nexthop \(hop4(&generator))\(metric)\(table)"
        case 8: return "ip route \(verb) \(generator.pick(["unreachable", "blackhole", "prohibit", "throw"])) \(prefix4)\(metric)\(table)"
        case 9: return "ip -6 route \(verb) \(prefix6) nexthop \(hop6(&generator)) nexthop \(hop6(&generator))\(metric)\(table)"
        case 10:
            return
                "ip rule \(generator.pick(["add", "del"])) priority \(generator.pick(["5", "9"])) from \(prefix4 == "default" ? "all" : prefix4) lookup 77"
        default: return "ip -6 route \(verb) \(prefix6) \(hop6(&generator))\(metric)\(table)"
        }
    }
}
