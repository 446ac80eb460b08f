import LVS
import Testing
import Wire

@testable import Admin

@Suite struct DrainPlanTests {
    static let web = ServiceKey(proto: IPProtocol.tcp, address: address("192.0.2.1"), port: 80)
    static let tls = ServiceKey(proto: IPProtocol.tcp, address: address("192.0.2.1"), port: 443)

    static func address(_ text: String) -> IPAddress { IPAddress(text) ?? .unspecified(.v4) }
    static func server(_ text: String, _ port: UInt16, weight: Int32, active: UInt32 = 0) -> ServerRecord {
        ServerRecord(
            key: ServerKey(address: address(text), port: port), settings: ServerSettings(weight: weight, upperThreshold: 9), active: active,
            inactive: 1)
    }

    static var inventory: Inventory {
        var inventory = Inventory()
        inventory.services = [
            ServiceRecord(
                key: web, settings: ServiceSettings(scheduler: "wrr"),
                servers: [server("10.0.0.1", 80, weight: 3, active: 7), server("10.0.0.2", 80, weight: 1)]),
            ServiceRecord(key: tls, settings: ServiceSettings(scheduler: "wrr"), servers: [server("10.0.0.1", 443, weight: 5)]),
        ]
        return inventory
    }

    static func weights(_ commands: [Command]) -> [Int32] {
        commands.compactMap { if case .editServer(_, _, let settings) = $0 { settings.weight } else { nil } }
    }

    @Test func aServerIsDrainedEverywhereAndComesBackAsItWas() throws {
        let target = try #require(DrainPlan.Target("10.0.0.1"))
        let plan = DrainPlan(draining: [target], in: Self.inventory)
        #expect(plan.places.map(\.service) == [Self.web, Self.tls] && Self.weights(plan.commands) == [0, 0])
        #expect(plan.rest(in: Self.inventory) == (7, 2, 0))
        let text = "-e -t 192.0.2.1:443 -r 10.0.0.1:443 -g -w 5 -x 9 -y 0\n-e -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 3 -x 9 -y 0\n"
        #expect(plan.text == text)
        let remembered = try DrainPlan.remembered(in: text, file: "drained")
        #expect(remembered == plan.remembered)
        var drained = Self.inventory
        for service in drained.services.indices { drained.services[service].servers[0].settings.weight = 0 }
        // Drained once more, it has not forgotten.
        let again = DrainPlan(draining: [target], in: drained, remembered: remembered)
        #expect(again.commands.isEmpty && again.remembered == remembered)
        let back = DrainPlan(undraining: [target], in: drained, remembered: remembered)
        #expect(Self.weights(back.commands) == [3, 5] && back.remembered.isEmpty && back.text.isEmpty)
        // A weight that somebody has given it meanwhile stays.
        #expect(DrainPlan(undraining: [target], in: Self.inventory, remembered: remembered).commands.isEmpty)
        #expect(DrainPlan(undraining: [target], in: drained, remembered: [:]).commands.isEmpty)
        #expect(Self.weights(DrainPlan(undraining: [target], in: drained, remembered: [:], weight: 2).commands) == [2, 2])
    }

    @Test func onePortOrOneServiceAlone() throws {
        let port = try #require(DrainPlan.Target("10.0.0.1:443"))
        #expect(DrainPlan(draining: [port], in: Self.inventory).places.map(\.service) == [Self.tls])
        let target = try #require(DrainPlan.Target("10.0.0.1"))
        #expect(DrainPlan(draining: [target], of: Self.web, in: Self.inventory).places.map(\.service) == [Self.web])
        #expect(DrainPlan(draining: [try #require(DrainPlan.Target("10.0.0.9"))], in: Self.inventory).places.isEmpty)
    }

    @Test func howAServerIsNamed() {
        #expect(DrainPlan.Target("[2001:db8::1]:80")?.port == 80 && DrainPlan.Target("2001:db8::1")?.port == nil)
        for word in ["", "web", "10.0.0.1:", "10.0.0.1:99999", "[10.0.0.1"] { #expect(DrainPlan.Target(word) == nil) }
    }
}
