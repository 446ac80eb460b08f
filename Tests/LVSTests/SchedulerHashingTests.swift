import Testing
import Wire

@testable import LVS

/// What `sh`, `dh` and `mh` served in runs of 6.1.176; 6.1.192 does the same.
extension SchedulerTests {
    /// The clients of these runs: 192.0.2.1 to .24 and three more; source ports go up by one from the first client's.
    private func requests(firstPort: UInt16) -> [SchedulingRequest] {
        let clients =
            (1...24).map { IPAddress(v4: 0xc000_0200 + $0) }
            + ["198.51.100.7", "203.0.113.200", "10.255.0.9"].compactMap { IPAddress($0) }
        return clients.enumerated().map { number, client in
            SchedulingRequest(
                client: client, clientPort: firstPort + UInt16(number), destination: IPAddress(v4: 0x0a01_0001),
                destinationPort: 80)
        }
    }

    private func flags(_ names: String) -> ServiceFlags {
        var flags: ServiceFlags = []
        if names.contains("fallback") { flags.insert(.scheduler1) }
        if names.contains("port") { flags.insert(.scheduler2) }
        return flags
    }

    static let hashed: [(String, String, UInt16, UInt16, String, String)] = [
        // scheduler, flags, port of the servers, first client's port, script, who served
        ("sh", "", 80, 4000, "+A1 +B1 +C1", "ABCBACABACBCACBCBCCABABACBC"),
        ("sh", "", 80, 4000, "+A1 +B2 +C3", "CBCBABACACBCCCCBCBCCBCBABBC"),
        ("sh", "", 80, 4000, "+A1 +B0 +C3", "C!C!CCC!CCACCCACAC!CACACCCC"),
        ("sh", "fallback", 80, 4000, "+A1 +B0 +C3", "CCCCCCCCCCACCCACACCCACACCCC"),
        ("sh", "port", 80, 4000, "+A1 +B2 +C3", "BCCCCBBCCCAABCCCCCBBBCCCACC"),
        ("sh", "fallback port", 80, 4000, "+A2 +B0 +C1", "CAAAAAACCCAAAAAAACCAAAAAAAA"),
        ("mh", "", 8080, 4000, "+A1 +B1 +C1", "CACBBACCACCBCCCAAABBAAACBAA"),
        ("mh", "", 8080, 4000, "+A1 +B2 +C3", "CCCBBBCCCCCBCCCCBABBCCCCBAA"),
        ("mh", "", 8080, 4000, "+A1 +B1000 +C64", "BBBBBBBBBCBBBBCBBBBBBBBBBAB"),
        ("mh", "port", 8080, 5002, "+A1 +B2 +C3", "CABCCBACCBBBCCCCCCBABCCBBCC"),
        ("mh", "", 8081, 4000, "+A1 +B1 +C1 =B0", "!!CAAA!!C!!A!!!AACAA!C!CACA"),
        ("mh", "fallback", 8082, 4000, "+A1 +B1 +C1 =B0", "AACCCCCACAACAAAACCACACAACAC"),
        ("mh", "fallback", 8083, 4000, "+A1 +B0 +C1", "CCACACAAACAACCCCCACCACCCCCC"),
    ]

    @Test(arguments: hashed)
    func hashesClientsLikeTheKernel(
        _ row: (
            scheduler: String, flags: String, port: UInt16, firstPort: UInt16, script: String,
            served: String
        )
    ) throws {
        let farm = try ServerFarm(row.scheduler, flags: flags(row.flags), port: row.port)
        _ = try farm.run(row.script)
        let served = requests(firstPort: row.firstPort).map { farm.letter(farm.scheduler.pick(for: $0, from: farm.servers)) }
        #expect(String(served) == row.served)
    }

    /// A server at its threshold is nobody's, not the next one's, unless `sh-fallback` says so.
    @Test func anOverloadedOwnerIsNotReplaced() throws {
        // The list is C B A, so a slot's number modulo 3 tells its owner. Slots 148 and 88 are B's; looked for from 40 and
        // 176 on, that is B A and A.
        for (names, expected) in [("", "A!C!"), ("fallback", "AACA")] {
            let farm = try ServerFarm("sh", flags: flags(names))
            _ = try farm.run("+A1 +B1x1 +C1")
            farm.pool[1].flags.insert(.overloaded)
            let served = requests(firstPort: 4000).prefix(4).map { farm.letter(farm.scheduler.pick(for: $0, from: farm.servers)) }
            #expect(String(served) == expected)
        }
    }

    /// Ports count for TCP, UDP and SCTP only.
    @Test func onlyPortsOfKnownProtocolsAreHashed() throws {
        let farm = try ServerFarm("sh", flags: .scheduler2)
        _ = try farm.run("+A1 +B2 +C3")
        let other = requests(firstPort: 4000).map { request in
            var request = request
            request.proto = 50
            return farm.letter(farm.scheduler.pick(for: request, from: farm.servers))
        }
        #expect(String(other) == "CBCBABACACBCCCCBCBCCBCBABBC")
    }

    @Test func destinationHashing() throws {
        let farm = try ServerFarm("dh")
        func served(_ addresses: ClosedRange<UInt32>) -> String {
            String(
                addresses.map { number in
                    farm.letter(
                        farm.scheduler.pick(
                            for: SchedulingRequest(
                                client: IPAddress(v4: 1), clientPort: 1,
                                destination: IPAddress(v4: 0x0a32_0000 + number)), from: farm.servers))
                })
        }
        _ = try farm.run("+A1 +B5 +C1")
        #expect(served(1...30) == "BCBCBABACACABBCBCBABABACABACBC")
        _ = try farm.run("=B0")
        #expect(served(1...12) == "!C!C!A!ACACA")
    }

    @Test func slotsOfSourceHashing() throws {
        let farm = try ServerFarm("sh")
        _ = try farm.run("+A1")
        let slots: [(String, Int)] = [
            ("192.0.2.1", 50), ("192.0.2.2", 148), ("192.0.2.3", 246), ("192.0.2.4", 88), ("192.0.2.5", 185), ("192.0.2.6", 27),
            ("198.51.100.7", 171), ("203.0.113.200", 52), ("10.255.0.9", 246),
        ]
        for (client, slot) in slots {
            let request = SchedulingRequest(client: try #require(IPAddress(client)), clientPort: 4000, destination: IPAddress(v4: 1))
            #expect(farm.scheduler.score(of: 0, for: request, in: farm.servers) == "owns slot \(slot), 256 of 256 slots")
        }
    }

    @Test func slotsOfMaglevHashing() throws {
        for (script, shares) in [
            ("+A1 +B1 +C1", [1365, 1364, 1364]), ("+A1 +B2 +C3", [2047, 1364, 682]),
            ("+A1 +B1000 +C64", [248, 3784, 61]), ("+A1 +B0 +C1", [2047, 0, 2046]),
        ] {
            let farm = try ServerFarm("mh", port: script.contains("B0") ? 8083 : 8080)
            _ = try farm.run(script)
            for (client, slot) in [("192.0.2.1", 2891), ("192.0.2.2", 746), ("192.0.2.3", 998), ("192.0.2.4", 3044)] {
                let request = SchedulingRequest(client: try #require(IPAddress(client)), clientPort: 4000, destination: IPAddress(v4: 1))
                for (place, share) in shares.enumerated() {
                    let score = farm.scheduler.score(of: place, for: request, in: farm.servers)
                    #expect(score.contains("slot \(slot)"))
                    #expect(score.contains(", \(share) of 4093 slots"))
                }
            }
        }
    }

    @Test func sipHash13() {
        let first = SipHash13(both: 2_654_435_761), second = SipHash13(both: 2_654_446_892)
        #expect(first.hash(0) == 0x1d5a_77c2)
        #expect(first.hash(1) == 0x16ec_66b2)
        #expect(first.hash(0xc000_0201) == 0x9288_9c88)
        #expect(second.hash(0xc000_0201) == 0xc6fe_83e5)
        // Start and step of a real server's walk over the slots, port 8080.
        for (server, start, step) in [(11, 567, 2901), (12, 632, 187), (13, 1277, 3719)] as [(UInt32, UInt32, UInt32)] {
            #expect(first.hash(0x0a02_0000 + server + 8080) % 4093 == start)
            #expect(second.hash(0x0a02_0000 + server + 8080) % 4092 + 1 == step)
        }
    }

    /// A client of IPv6 hashes the exclusive or of its four words.
    @Test func foldedIPv6() throws {
        let farm = try ServerFarm("sh")
        _ = try farm.run("+A1")
        let client = try #require(IPAddress("c000:201::1:0:0:1:0"))
        let request = SchedulingRequest(client: client, clientPort: 1, destination: client)
        let twin = SchedulingRequest(client: IPAddress(v4: 0xc001_0200), clientPort: 1, destination: client)
        #expect(
            farm.scheduler.score(of: 0, for: request, in: farm.servers)
                == farm.scheduler.score(of: 0, for: twin, in: farm.servers))
    }

    /// `-E` with other flags: the table stays, the next client is looked up the new way.
    @Test(arguments: ["sh", "mh"])
    func flagsOfARunningService(scheduler: String) throws {
        let farm = try ServerFarm(scheduler), fresh = try ServerFarm(scheduler, flags: [.scheduler1, .scheduler2])
        let script = "+A1 +B2 +C3 =B0"
        _ = try (farm.run(script), fresh.run(script))
        func served(_ farm: ServerFarm) -> [Int?] {
            requests(firstPort: 4000).map { farm.scheduler.pick(for: $0, from: farm.servers) }
        }
        #expect(served(farm).contains(nil) && !served(fresh).contains(nil))
        farm.scheduler.flagsChanged([.scheduler1, .scheduler2])
        #expect(served(farm) == served(fresh))
    }
}
