import Foundation
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

@testable import LVS

private let client: Endpoint = "198.51.100.7:4000", virtual: Endpoint = "203.0.113.10:80", server: Endpoint = "10.2.0.11:80"

/// What a carrier carries past the director changes nothing of what can be seen. `SVS_CARRYING_SEEDS=1000` tries that many
/// histories.
@Suite struct CarryingTests {
    private static var seeds: UInt64 { UInt64(ProcessInfo.processInfo.environment["SVS_CARRYING_SEEDS"] ?? "") ?? 12 }

    @Test func nobodySeesWhatIsCarried() {
        var frames = 0, reasons: Set<TakeBackReason> = []
        for seed in 0..<Self.seeds {
            var history = CarryingHistory(seed: seed)
            for step in 0..<600 {
                let fault = history.step() ?? (step % 40 == 0 ? history.difference() : nil)
                if let fault {
                    Issue.record("seed \(seed), step \(step): \(fault)")
                    return
                }
            }
            frames += history.carrier.carriedFrames
            reasons.formUnion(history.carried.director.carryingCounters.takenBack.keys)
        }
        #expect(frames > Int(Self.seeds) * 200, "only \(frames) frames were carried")
        #expect(reasons == Set(TakeBackReason.allCases), "never for \(Set(TakeBackReason.allCases).subtracting(reasons))")
    }
}
