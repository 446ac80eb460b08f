import Admin
import LVS
import Testing
import Wire

/// Readers tell all that is wrong with a file, in the order of its lines, and not what only follows from it.
struct FilesErrorsTests {
    private static func told(_ read: () throws -> Void) -> [String] {
        do { try read() } catch { return "\(error)".split(separator: "\n").map(String.init) }
        return []
    }

    @Test func aNetwork() {
        let text = """
            route add 10.3.0.0/16 via 10.9.0.9
            link set dev eth0 mtu x up
            addr add 10.0.0.1/24 dev eth0
            link set dev eth1 up
            addr add 10.0.0.300/24 dev eth1
            route add 10.1.0.0/16 via 10.0.0.9
            addr del 10.0.0.1/24 dev eth1
            route add 10.1/40 \\
                dev eth1

            route add 10.2.0.0/16 dev eth1 nonsense
            neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev eth7
            rule add pref 10 fwmark x
            teleport add eth1
            """
        #expect(
            Self.told { _ = try NetworkFile(text, file: "n") } == [
                "n:1: via 10.9.0.9: Nexthop has invalid gateway.",
                "n:2: mtu: x: invalid number",
                "n:5: any valid prefix is expected rather than \"10.0.0.300/24\".",
                "n:8: any valid prefix is expected rather than \"10.1/40\".",
                "n:11: route: nonsense: not understood",
                "n:12: Cannot find device \"eth7\"",
                "n:13: fwmark: x: invalid number",
                "n:14: Object \"teleport\" is unknown: link, addr, route, rule or neigh",
            ])
    }

    @Test func marksOfIptables() {
        let text = """
            COMMIT
            *mangle
            :PREROUTING REJECT [0:0]
            :LVS 0
            nonsense
            -A PREROUTING -j LVS
            -A LVS -p tcp --dport 80 -j MARK --set-mark 1
            -A LVS -m recent --set -j DROP
            -A LVS --dport 80 -j MARK --set-mark 1
            -A LOST -j ACCEPT
            [1] -A LVS -j ACCEPT
            -A PREROUTING -j MARK --set-mark 1
            -A PREROUTING -j NOWHERE
            """
        #expect(
            Self.told { _ = try MarksFile(text, file: "m", family: .v4) } == [
                "m:1: COMMIT: no table is open",
                "m:3: REJECT: not supported as the policy of PREROUTING",
                "m:4: 0: not supported as the policy of LVS",
                "m:5: nonsense: not understood",
                "m:8: recent: no match that is understood here",
                "m:9: --dport: needs -p tcp, udp, dccp, sctp, udplite",
                "m:10: LOST: no chain of that name",
                "m:11: [1]: expected [PACKETS:BYTES]",
                "m:13: COMMIT is missing",
                "m:13: NOWHERE: no target that is understood here, and no chain",
            ])
    }

    @Test func marksOfNftables() {
        func rule(_ chain: String, _ handle: Int, _ statements: String) -> String {
            #"{"rule": {"family": "ip", "table": "t", "chain": "\#(chain)", "handle": \#(handle), "expr": [\#(statements)]}}"#
        }
        func chain(_ name: String, _ hook: String) -> String {
            #"{"chain": {"family": "ip", "table": "t", "name": "\#(name)", "hook": "\#(hook)", "prio": -150, "policy": "accept"}}"#
        }
        let items = [
            chain("pre", "prerouting"), chain("in", "input"), rule("pre", 3, #"{"limit": {"rate": 1}}, {"drop": null}"#),
            rule("pre", 4, #"{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 1}}"#),
            rule("pre", 5, #"{"xt": {"type": "target", "name": "MARK"}}"#), rule("in", 6, #"{"jump": {"target": "in"}}"#),
        ]
        let text = "{\"nftables\": [\(items.joined(separator: ", "))]}"
        #expect(
            Self.told { _ = try MarksFile(text, file: "m", family: .v4) } == [
                "m: ip t in handle 6: the chains call each other in a circle",
                "m: ip t pre handle 3: limit: not understood",
                "m: ip t pre handle 5: xt MARK: written by iptables-nft, and nft cannot say what it does",
            ])
    }

    @Test func manyErrors() {
        let text = String(repeating: "-A LOST -j ACCEPT\n", count: 30)
        let told = Self.told { _ = try MarksFile(text, file: "m", family: .v4) }
        #expect(told.count == 21 && told.last == "and 10 further errors")
    }
}
