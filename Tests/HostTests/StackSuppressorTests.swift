import Glibc
import Host
import LVS
import Testing
import Wire

private func ip(_ text: String) -> IPAddress { IPAddress(text) ?? IPAddress(high: 0, low: 0) }

/// What the host stack still answers.
@Suite(.serialized, .enabled(if: isRoot))
struct StackSuppressorTests {
    private static let suppressed = SuppressedTraffic(
        services: [
            .init(proto: 6, address: ip("10.7.0.1"), port: 80), .init(proto: 17, address: ip("10.7.0.1"), port: 53),
            .init(proto: 17, address: ip("10.7.0.1"), ports: 5000...5010), .init(proto: 17, address: ip("10.7.0.2"), port: 0),
            .init(proto: 6, address: ip("2001:db8::1"), port: 80), .init(proto: 17, address: ip("2001:db8::1"), port: 53),
        ],
        replies: [.init(proto: 17, address: ip("10.7.0.9"), port: 8053), .init(proto: 17, address: ip("2001:db8::9"), port: 8053)],
        fragmentAddresses: [ip("10.7.0.1"), ip("2001:db8::1")], fragmentSources: [ip("10.7.0.10")],
        marked: [
            .init(prefix: ip("10.7.1.0"), length: 24, proto: 17, ports: 7000...7100),
            .init(prefix: ip("10.7.1.0"), length: 24, proto: 17, ports: 7050...7200),
            .init(prefix: ip("10.7.1.64"), length: 26, proto: 6), .init(prefix: ip("10.7.2.4"), length: 32),
            .init(prefix: ip("10.7.2.5"), length: 32, ports: 99...99),
        ],
        interfaces: ["eth7"])

    /// Probes of the peer, and whether the muting silences the host.
    private static let probes: [(Probe, isMuted: Bool)] = [
        (Probe(proto: 6, to: ip("10.7.0.1"), port: 80), true), (Probe(proto: 6, to: ip("10.7.0.1"), port: 81), false),
        (Probe(to: ip("10.7.0.1"), port: 80), false), (Probe(to: ip("10.7.0.1"), port: 53), true),
        (Probe(to: ip("10.7.0.1"), port: 5000), true), (Probe(to: ip("10.7.0.1"), port: 5010), true),
        (Probe(to: ip("10.7.0.1"), port: 5011), false), (Probe(to: ip("10.7.0.2"), port: 4711), true),
        (Probe(proto: 6, to: ip("10.7.0.2"), port: 4711), false),
        (Probe(proto: 6, to: ip("2001:db8::1"), port: 80), true), (Probe(proto: 6, to: ip("2001:db8::1"), port: 81), false),
        (Probe(to: ip("2001:db8::1"), port: 53), true), (Probe(to: ip("2001:db8::2"), port: 53), false),
        // replies
        (Probe(from: ip("10.7.0.9"), fromPort: 8053, to: ip("10.7.0.3"), port: 9), true),
        (Probe(from: ip("10.7.0.9"), fromPort: 8054, to: ip("10.7.0.3"), port: 9), false),
        (Probe(from: ip("10.7.0.10"), fromPort: 8053, to: ip("10.7.0.3"), port: 9), false),
        (Probe(from: ip("2001:db8::9"), fromPort: 8053, to: ip("2001:db8::3"), port: 9), true),
        (Probe(from: ip("2001:db8::9"), fromPort: 8054, to: ip("2001:db8::3"), port: 9), false),
        // fragments
        (Probe(to: ip("10.7.0.1"), port: 9, bytes: 3000), true), (Probe(to: ip("10.7.0.3"), port: 9, bytes: 3000), false),
        (Probe(to: ip("2001:db8::1"), port: 9, bytes: 3000), true), (Probe(to: ip("2001:db8::3"), port: 9, bytes: 3000), false),
        (Probe(from: ip("10.7.0.10"), to: ip("10.7.0.3"), port: 9, bytes: 3000), true),
        // marks
        (Probe(to: ip("10.7.1.7"), port: 7000), true), (Probe(to: ip("10.7.1.7"), port: 7200), true),
        (Probe(to: ip("10.7.1.7"), port: 7201), false), (Probe(to: ip("10.7.2.7"), port: 7000), false),
        (Probe(proto: 6, to: ip("10.7.1.65"), port: 1), true), (Probe(proto: 6, to: ip("10.7.1.7"), port: 1), false),
        (Probe(to: ip("10.7.2.4"), port: 1), true), (Probe(to: ip("10.7.2.5"), port: 99), true),
        (Probe(to: ip("10.7.2.5"), port: 98), false),
    ]

    private func withHosts(_ body: (Peer) throws -> Void) throws {
        try inNamespace {
            let peer = try Peer(device: "eth7")
            try shell(
                "ip link set lo up", "ip addr add 10.7.0.1/16 dev eth7", "ip addr add 10.7.0.2/16 dev eth7",
                "ip addr add 10.7.0.3/16 dev eth7", "ip route add local 10.7.1.0/24 dev lo", "ip route add local 10.7.2.0/24 dev lo",
                "for i in 1 2 3; do ip -6 addr add 2001:db8::$i/64 dev eth7 nodad; done",
                "echo 0 > /proc/sys/net/ipv4/icmp_ratelimit", "echo 0 > /proc/sys/net/ipv6/icmp/ratelimit")
            try peer.run {
                try shell("echo 0 > /proc/sys/net/ipv4/icmp_ratelimit", "echo 0 > /proc/sys/net/ipv6/icmp/ratelimit")
                try shell(
                    "ip addr add 10.7.0.9/24 dev eth7", "ip addr add 10.7.0.10/24 dev eth7", "ip route add 10.7.0.0/16 via 10.7.0.3",
                    "for i in 9 10; do ip -6 addr add 2001:db8::$i/64 dev eth7 nodad; done")
            }
            try body(peer)
        }
    }

    private func expect(muted isInForce: Bool, _ peer: Peer) throws {
        try peer.run {
            for (probe, isMuted) in Self.probes {
                let expected: Probe.Answer = isInForce && isMuted ? .silence : .refused
                #expect(probe.send(expecting: expected) == expected, "\(probe)")
            }
        }
    }

    @Test func exactlyWhatIsMutedIsSilent() throws {
        try withHosts { peer in
            let mute = try StackSuppressor()
            try mute.apply(Self.suppressed)
            try expect(muted: true, peer)
            try mute.apply(SuppressedTraffic(interfaces: ["eth7"]))
            try expect(muted: false, peer)
        }
    }

    /// Step by step from one muting to the next must end where a fresh one begins.
    @Test func changesAreWhatAFreshTableHolds() throws {
        try withHosts { _ in
            var all = Self.suppressed
            all.icmpErrors = true
            all.ownedAddresses = [ip("10.7.0.77"), ip("2001:db8::77")]
            var fewer = all
            fewer.services.removeLast(3)
            fewer.services.append(.init(proto: 17, address: ip("10.7.0.1"), ports: 5005...5020))
            fewer.marked.removeFirst(2)
            fewer.ownedAddresses.removeLast()
            var elsewhere = SuppressedTraffic(services: all.services, interfaces: ["lo"])
            elsewhere.marked = [.init(prefix: ip("0.0.0.0"), length: 0, proto: 6, ports: 1...2), .init(prefix: ip("::"), length: 0)]
            let mute = try StackSuppressor()
            var handles: Set<String> = []
            for (step, suppressed) in [all, fewer, elsewhere, all, SuppressedTraffic(), fewer, all].enumerated() {
                try mute.apply(suppressed)
                let changed = try listing(mute)
                handles.insert(try output(of: "nft -a list table netdev \(mute.table) | head -1"))
                let fresh = try StackSuppressor()
                try fresh.apply(suppressed)
                #expect(fresh.table.hasPrefix(mute.table + "_"))
                let expected = try listing(fresh)
                #expect(changed.count > 6)
                #expect(Set(changed).symmetricDifference(expected) == [], "step \(step)")
            }
            #expect(handles.count == 1, "changed, not made anew")
        }
    }

    /// Lines and elements of a table in an order of their own, as hash sets have none.
    private func listing(_ mute: StackSuppressor) throws -> [String] {
        try output(of: "nft -n list table netdev \(mute.table)")
            .split { $0 == "\n" || $0 == "," }.filter { !$0.contains("table netdev") }
            .map { $0.split { " \t{}".contains($0) }.joined(separator: " ") }.map { $0.replacing("elements = ", with: "") }.sorted()
    }

    @Test func anOwnedAddressIsNotResolved() throws {
        try withHosts { peer in
            let mute = try StackSuppressor()
            try mute.apply(SuppressedTraffic(ownedAddresses: [ip("10.7.0.2"), ip("2001:db8::2")], interfaces: ["eth7"]))
            for (address, isOwned) in [("10.7.0.1", false), ("10.7.0.2", true), ("2001:db8::1", false), ("2001:db8::2", true)] {
                let state = try peer.run {
                    _ = Probe(to: ip(address), port: 9).send(expecting: isOwned ? .silence : .refused)
                    return try output(of: "ip neigh show to \(address) dev eth7")
                }
                #expect(state.contains("lladdr") != isOwned, "\(state)")
                // Also with a neighbour entry at hand nothing is answered.
                let mac = try #require(output(of: "ip -br link show eth7").split(separator: " ").first { $0.contains(":") })
                let expected: Probe.Answer = isOwned ? .silence : .refused
                let answer = try peer.run {
                    try shell("ip neigh replace \(address) lladdr \(mac) dev eth7 nud permanent")
                    return Probe(to: ip(address), port: 9).send(expecting: expected)
                }
                #expect(answer == expected, "\(address)")
            }
        }
    }

    /// From the moment that an address comes the host is silent, without anybody doing something about it.
    @Test(arguments: ["10.7.0.4", "2001:db8::4"]) func anAddressThatWaits(_ address: String) throws {
        try withHosts { peer in
            let mute = try StackSuppressor()
            var suppressed = SuppressedTraffic(
                services: [.init(proto: 17, address: ip(address), port: 53)], fragmentAddresses: [ip(address)], interfaces: ["eth7"])
            suppressed.waitingAddresses = [ip(address)]
            try mute.apply(suppressed)
            let route = ip(address).isV4 ? "unreachable \(address)/32" : "unreachable \(address)/128"
            let seen = { try output(of: "nft list chain netdev seen on | grep -o 'packets [0-9]*'") }
            try shell(
                "nft add table netdev seen",
                "nft add chain netdev seen on '{ type filter hook ingress device eth7 priority 0; }'",
                "nft add rule netdev seen on udp dport 53 counter", "ip route add \(route)")
            let mac = try #require(output(of: "ip -br link show eth7").split(separator: " ").first { $0.contains(":") })
            try peer.run { try shell("ip neigh replace \(address) lladdr \(mac) dev eth7 nud permanent") }
            let probes: [(Probe, Probe.Answer)] = [
                (Probe(to: ip(address), port: 53), .silence), (Probe(to: ip(address), port: 54), .refused),
                (Probe(to: ip(address), port: 54, bytes: 3000), .silence),
            ]
            #expect(try peer.run { probes[0].0.send(expecting: .silence) } == .silence)
            #expect(try seen() == "packets 1\n", "the host sees it while the address is not its own")
            try shell("ip route del \(route)", "ip addr add \(address)/\(ip(address).isV4 ? "16" : "64 nodad") dev eth7")
            // Of IPv6 it is the host's a moment later.
            #expect(try wait { try output(of: "ip \(ip(address).isV4 ? "-4" : "-6") route show table local \(address)").contains("local") })
            for (probe, expected) in probes { #expect(try peer.run { probe.send(expecting: expected) } == expected, "\(probe)") }
            #expect(try seen() == "packets 1\n")
        }
    }

    @Test(arguments: [("10.7.0.1", "10.7.0.9"), ("2001:db8::1", "2001:db8::9")])
    func errorsAboutServices(_ host: String, _ other: String) throws {
        try withHosts { peer in
            let mute = try StackSuppressor()
            var suppressed = Self.suppressed
            for isMuted in [false, true] {
                suppressed.icmpErrors = isMuted
                try mute.apply(suppressed)
                let expected: Probe.Answer = isMuted ? .silence : .refused
                // The host itself sends from the service's port, and from another one, to where nobody listens.
                #expect(Probe(from: ip(host), fromPort: 53, to: ip(other), port: 9).send(expecting: expected) == expected)
                #expect(Probe(from: ip(host), fromPort: 54, to: ip(other), port: 9).send(expecting: .refused) == .refused)
                // To a server's port: an error about it is about a packet that the director sent.
                #expect(Probe(from: ip(host), fromPort: 54, to: ip(other), port: 8053).send(expecting: expected) == expected)
            }
        }
    }

    @Test func theTableVanishesWithItsOwner() throws {
        try inNamespace {
            try shell("ip link set lo up", "nft add table ip other")
            var mute: StackSuppressor? = try StackSuppressor()
            try mute?.apply(SuppressedTraffic(services: [.init(proto: 6, address: ip("10.7.0.1"), port: 80)], interfaces: ["lo"]))
            #expect(try output(of: "nft list tables").contains("table netdev svs_\(getpid())"))
            mute = nil
            #expect(try wait { try output(of: "nft list tables") == "table ip other\n" })
        }
    }

    @Test func anInterfaceMadeAnewIsMutedAnew() throws {
        try withHosts { peer in
            let mute = try StackSuppressor()
            try mute.apply(Self.suppressed)
            try shell("ip link del eth7")
            try mute.apply(Self.suppressed)
            let other = try Peer(device: "eth7")
            try mute.apply(Self.suppressed)
            try shell("ip addr add 10.7.0.1/16 dev eth7")
            try other.run { try shell("ip addr add 10.7.0.9/16 dev eth7") }
            try other.run {
                #expect(Probe(to: ip("10.7.0.1"), port: 54).send(expecting: .refused) == .refused)
                #expect(Probe(to: ip("10.7.0.1"), port: 53).send(expecting: .silence) == .silence)
            }
        }
    }

    @Test func tenThousandServices() throws {
        try inNamespace {
            try shell("ip link set lo up")
            let mute = try StackSuppressor()
            var suppressed = SuppressedTraffic(interfaces: ["lo"])
            suppressed.services = (0..<10_000).map { .init(proto: 6, address: IPAddress(v4: 0x0a00_0000 + UInt32($0)), port: 80) }
            try mute.apply(suppressed)
            suppressed.services.removeLast()
            suppressed.services.append(.init(proto: 6, address: IPAddress(v4: 0x0b00_0000), port: 80))
            try mute.apply(suppressed)
            let text = try output(of: "nft list set netdev \(mute.table) service4")
            #expect(text.split(separator: ",").count == 10_000)
            #expect(text.contains("11.0.0.0 . tcp . 80") && !text.contains("10.0.39.15 . tcp"))
        }
    }
}
