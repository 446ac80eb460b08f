import Admin
import Glibc
import Host
import LVS
import LinkKit
import Testing
import Wire

@testable import Runtime

/// Storms of faults through the whole worker: it ends not, it loses no established connection, it keeps what it acknowledged and
/// counts every frame, and when the storm is over it works as before.
@Suite struct FaultTests {
    /// Storms of one director.
    private static let storms: UInt64 = 50

    @Test("A thousand storms", .serialized, arguments: 0..<20 as Range<UInt64>)
    func storms(_ director: UInt64) throws {
        let plan = FaultPlan()
        let running = try RunningDirector(services: EventLoopTests.services, faults: plan)
        for number in 0..<Established.count {
            running.clients.arrive(Established.opening(number))
            running.clients.arrive(Established.acknowledgement(number))
        }
        #expect(wait { running.forwarded == 2 * Established.count })
        for storm in director * Self.storms + 1...(director + 1) * Self.storms {
            try #require(plan.storm(storm, steps: 12), "storm \(storm) does not end: \(running.lines.all.suffix(3))")
            try check(running, plan, after: storm)
        }
        try running.stop()
        let report = running.lines.all.last { $0.hasPrefix("ended: ") } ?? ""
        // A damaged frame may be taken for a fragment, whose rest never comes: that is a second verdict.
        let counted = report.dropFirst(7).split(separator: ", ").filter { !$0.hasPrefix("fragment-timeout") }
        #expect(counted.compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }.reduce(0, +) == plan.handedOver, "\(report)")
        let least = [plan.met.lost, plan.met.repeated, plan.met.damaged, plan.met.refused, plan.refusals, Int(plan.failedCalls)].min()
        #expect(least ?? 0 > 10)
    }

    private func check(_ running: RunningDirector, _ plan: FaultPlan, after storm: UInt64) throws {
        let client = try ControlClient(path: running.control)
        let services = try client.inventory().services.map(\.key.port)
        for (port, isThere) in plan.acknowledged {
            #expect(services.contains(port) == isThere, "storm \(storm): service \(port)")
        }
        // What nobody was told the fate of has one again. Clients that have left may still be served.
        let isFollowed = try wait {
            for port in try client.inventory().services.map(\.key.port) where FaultPlan.ports.contains(port) {
                let key = ServiceKey(proto: IPProtocol.tcp, address: ip("192.0.2.1"), port: port)
                do { try client.apply(.deleteService(key)) } catch ControlFailure.refused(.noSuchService) {}
            }
            return running.host.suppressions.last?.services.count == 1
        }
        #expect(isFollowed, "storm \(storm): the host is not followed")
        let connections = try client.connections().filter { $0.client == ip("203.0.113.249") }
        #expect(connections.count == Established.count && connections.allSatisfy { $0.state == "ESTABLISHED" }, "storm \(storm)")
        let before = running.forwarded
        for number in 0..<Established.count { running.clients.arrive(Established.acknowledgement(number)) }
        running.clients.arrive(FaultPlan.syn(from: 999, to: 80))
        #expect(wait { running.forwarded >= before + Established.count + 1 }, "storm \(storm): what works no more")
    }
}

extension RunningDirector {
    /// Frames that went to the server so far.
    fileprivate var forwarded: Int { servers.sent.count { $0.prefix(6) == [2, 0, 0, 0, 0, 0x11] } }
}
