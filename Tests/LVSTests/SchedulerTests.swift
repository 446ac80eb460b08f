import LVS
import Testing
import Wire

/// Sequences that the kernel served: what the words mean stands at `ServerFarm`. Unless a line says otherwise it is from a
/// run of 6.1.176, and 6.1.192 with its other overhead chooses the same.
@Suite struct SchedulerTests {
    static let sequences: [(String, String)] = [
        // Round robin keeps its place in the list, whatever happens to other servers.
        ("rr", "+A1 +B1 +C1 CBACBAC"),
        ("rr", "+A1 +B0 +C3 CACACAC"),
        ("rr", "+A1 +B1 +C1 CB +D1 ADCBADCB"),
        ("rr", "+A1 +B1 +C1 CB -B ACACAC"),
        ("rr", "+A1 +B1 +C1 C -C BABABA"),
        ("rr", "+A1 +B1 +C1 C =B0 ACAC =B1 BACBAC"),
        ("rr", "+A1 +B1x2 +C1 CBACBACAC"),
        ("rr", "+A0 +B0 !"),

        // The first round of a fresh service is at level 1, where the first server added put it.
        ("wrr", "+A1 +B2 +C3 CBACCBCBACCB"),
        ("wrr", "+A3 +B2 +C1 CBAABACBAABA"),
        ("wrr", "+A4 +B3 +C2 CBAABACBACBAABACBA"),
        ("wrr", "+A3 +B3 +C3 CBACBACBACBACBACBA"),
        ("wrr", "+A2 +B4 +C6 CBACCBCBACCBCBACCBCBACCB"),
        ("wrr", "+A5 +B1 +C1 CBAAAAACBAAAAA"),
        ("wrr", "+A100 +B50 +C0 BAABAABAA"),
        ("wrr", "+A10 +B7 +C5 +D3 DCBAAAABABACBACBADCBADCBADC"),
        ("wrr", "+A4 +B3 +C2 CBA =B8 CBABBBACBABBBACBABBBACBABBBA"),
        ("wrr", "+A4 +B3 +C2 CBA =A1 CBABCBCBABCBCB"),
        ("wrr", "+A4 +B3 +C2 CBAA -B ACAACAACAACAAC"),
        ("wrr", "+A4 +B3 +C2 CBAA +D3 ADBADCBADCBAADBADCBADCBA"),
        ("wrr", "+A6 +B4 +C2 CBA =C3 CBAAABACBACBACBAAABACBACBA"),
        ("wrr", "+A6 +B4 +C2 CBAA =B0 AACAAACAAACA"),
        ("wrr", "+A4 +B3 +C2 CBA =B3 CBAABACBACBA"),
        ("wrr", "+A0 +B0 ! =B3 BBB"),
        ("wrr", "+A1 +B1x1 BAAAAA"),

        ("lc", "+A1 +B1 +C1 CBACBACBACBACBAC"),
        ("lc", "+A1 +B2 +C3 CBACBACBACBACBAC"),
        ("lc", "+A3 +B2 +C1 CBACBACBACBACBAC"),
        ("lc", "+A4 +B0 +C2 CACACACA"),
        ("lc", "+A5 +B3 +C0 +D1 DBADBADBADBADBAD"),
        ("lc", "+A1 +B1 BABA +C1 CCCBA"),

        ("wlc", "+A1 +B1 +C1 CBACBACBACBACBAC"),
        ("wlc", "+A1 +B2 +C3 CBACBCCBACBCCBAC"),
        ("wlc", "+A3 +B2 +C1 CBAABACBAABACBAA"),
        ("wlc", "+A4 +B0 +C2 CAACAACAACAACAAC"),
        ("wlc", "+A5 +B3 +C0 +D1 DBAABAABADBAABAA"),
        ("wlc", "+A3 +B2 +C1 CBAABA ~1,2,3 CBAABC"),

        ("sed", "+A1 +B1 +C1 CBACBACBACBACBAC"),
        ("sed", "+A1 +B2 +C3 CBCCBACBCCBACBCC"),
        ("sed", "+A3 +B2 +C1 ABACBAABACBAABAC"),
        ("sed", "+A4 +B0 +C2 ACAACAACAACAACAA"),
        ("sed", "+A5 +B3 +C0 +D1 ABAABADBAABAABAD"),
        ("sed", "+A3 +B2 +C1 ABACBA ~1,2,3 ABAABA"),

        ("nq", "+A1 +B1 +C1 CBACBACBACBACBAC"),
        ("nq", "+A1 +B2 +C3 CBACCBCBCCBACBCC"),
        ("nq", "+A3 +B2 +C1 CBAABAABACBAABAC"),
        ("nq", "+A4 +B0 +C2 CAAACAACAACAACAA"),
        ("nq", "+A5 +B3 +C0 +D1 DBAAABABAABAABAD"),
        ("nq", "+A3 +B2 +C1 CBAABA ~1,2,3 CBAABA"),

        ("fo", "+A1 +B1 +C1 CCCC"),
        ("fo", "+A3 +B2 +C1 AAAA"),
        ("fo", "+A1 +B1x1 BAAAAA"),

        // One connection more than the weight.
        ("ovf", "+A1 +B1 +C1 CCBBAA!!"),
        ("ovf", "+A1 +B2 +C3 CCCCBBBAA!"),
        ("ovf", "+A3 +B2 +C1 AAAABBBCC!"),
        ("ovf", "+A4 +B0 +C2 AAAAACCC!"),
        ("ovf", "+A5 +B3 +C0 +D1 AAAAAABBBBDD!"),
        ("ovf", "+A3 +B2 +C1 AAAABB ~1,2,3 AAABCC"),

        // Thresholds. 6.1.176 admits another one after -x 4 became -x 5; 6.1.192 still waits for fewer than 5 - 5/4.
        ("rr", "+A1x2y1 +B1 BABABBBB"),
        ("rr", "+A1x4 AAAA!! =A1x5 ! =A1x3 ! =A1x100 A =A1 A"),
        ("wlc", "+A1 +B1x1 BAAAAA"),
        ("sed", "+A1 +B1x1 BAAAAA"),
        ("nq", "+A1 +B1x1 BAAAAA"),
        ("lc", "+A1 +B1x1 BAAAAA"),
        ("ovf", "+A1 +B1x1 BAA!!!"),
        // From 6.1.192: the server comes back when it has one connection less than its lower threshold.
        ("lc", "+A1x4y2 AAAA! /1 ! /2 ! /3 AAA!"),
        ("lc", "+A1x8 AAAAAAAA! /1,2 ! /3 AAA!"),
    ]

    @Test(arguments: sequences)
    func servesLikeTheKernel(scheduler: String, script: String) throws {
        #expect(try ServerFarm(scheduler).run(script) == script)
    }

    /// 6.1.192: an active connection weighs as much as 257 inactive ones; up to 6.1.176 it was 256.
    @Test(arguments: ["lc", "wlc"])
    func anActiveConnectionWeighs257(scheduler: String) throws {
        for (inactive, expected) in [(256, "A"), (257, "B"), (258, "B")] as [(Int32, Character)] {
            let farm = try ServerFarm(scheduler)
            _ = try farm.run("+A1 +B1")
            farm.pool[0].total = inactive
            farm.pool[1].active = 1
            farm.pool[1].total = 1
            #expect(farm.letter(farm.connect()) == expected, "\(inactive) inactive")
        }
    }

    /// Nanoseconds, not minutes, although 2^31 - 1 levels lie between the two servers.
    @Test func levelsThatNobodyReachesAreSkipped() throws {
        let script = "+A1 +B2147483647x3 BABBAA"
        #expect(try ServerFarm("wrr").run(script) == script)
    }

    /// The dice's upper half is the first draw, the lower one the second; the less loaded of the two wins, the first a tie.
    @Test func powerOfTwoDrawsByWeight() throws {
        let farm = try ServerFarm("twos")
        _ = try farm.run("+A5 +B0 +C2 +D3")
        // The list is D3 C2 B0 A5, so of 0...10 D has 0...3, C 4 and 5, A 6...10.
        let draws: [(UInt64, UInt64, Character)] = [
            (0, 10, "D"), (3, 10, "D"), (4, 10, "C"), (5, 0, "C"), (6, 5, "A"), (10, 0, "A"),
        ]
        for (first, second, expected) in draws {
            let request = SchedulingRequest(
                client: IPAddress(v4: 1), clientPort: 1, destination: IPAddress(v4: 2),
                random: dice(first) << 32 | dice(second))
            #expect(farm.letter(farm.scheduler.pick(for: request, from: farm.servers)) == expected, "\(first) \(second)")
        }
        // One connection at A, 257/5, is less than one at C, 257/2; D has none.
        for letter in "AC" as String {
            farm.pool[Int(farm.order[try #require(farm.place(letter))])].active = 1
            farm.pool[Int(farm.order[try #require(farm.place(letter))])].total = 1
        }
        for (first, second, expected) in [(5, 6, "A"), (6, 5, "A"), (6, 0, "D"), (5, 5, "C")] as [(UInt64, UInt64, Character)] {
            let request = SchedulingRequest(
                client: IPAddress(v4: 1), clientPort: 1, destination: IPAddress(v4: 2),
                random: dice(first) << 32 | dice(second))
            #expect(farm.letter(farm.scheduler.pick(for: request, from: farm.servers)) == expected, "\(first) \(second)")
        }
    }

    /// The middle of those 32-bit numbers that mean `draw` out of 0...10.
    private func dice(_ draw: UInt64) -> UInt64 { (draw << 32 + 1 << 31) / 11 }
}
