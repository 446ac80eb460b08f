import LVS
import Testing
import Wire

@testable import Admin

enum LoadExamples {
    static var page: LoadPage {
        var page = LoadPage()
        var statistics = Statistics()
        (statistics.counters.connections, statistics.counters.packetsIn, statistics.counters.packetsOut) = (127, 128, 16_384)
        (statistics.counters.bytesIn, statistics.counters.bytesOut, statistics.rates.bytesOut) = (.max, 1 << 63, 300)
        let v4 = ServiceKey(proto: IPProtocol.tcp, address: IPAddress(v4: 0xcb00_710a), port: 80, ranges: [80...80, 443...445])
        page.services = [
            .init(number: 1, key: v4, scheduler: "wlc", isPersistent: true, statistics: statistics),
            .init(number: 300, key: ServiceKey(mark: 7, family: .v6), scheduler: "none", isPersistent: false),
        ]
        page.servers = [
            .init(
                service: 300, key: .init(address: IPAddress(high: 0x2001_0db8 << 32, low: 11), port: 0), method: .tunneling, weight: 0,
                isOverloaded: true, active: 1, inactive: .max, persistent: 200, statistics: statistics),
            .init(service: 1, key: .init(address: IPAddress(v4: 0x0a00_000b), port: 8080), method: .fullNAT, weight: .max),
        ]
        page.next = 0x1_0400
        return page
    }
}

@Suite struct LoadTests {
    /// Numbers of every length, and bytes that are none.
    @Test(arguments: [0, 1, 127, 128, 16_383, 16_384, 1 << 62, .max])
    func aSmallNumberTakesNoMoreThanItNeeds(number: UInt64) {
        var out = FieldWriter()
        out.put(small: number)
        #expect(out.bytes.count == max((64 - number.leadingZeroBitCount + 6) / 7, 1))
        var fields = FieldReader(out.bytes)
        #expect(fields.small() == number && fields.isAtEnd)
        var cut = FieldReader(out.bytes.dropLast())
        #expect(cut.small() == nil)
    }

    @Test(arguments: [[UInt8](repeating: 0x80, count: 10), [UInt8](repeating: 0xff, count: 9) + [2], [0x80]])
    func whatIsNoNumber(bytes: [UInt8]) {
        var fields = FieldReader(bytes)
        #expect(fields.small() == nil)
    }
}

/// Who may only look gets listings, and a refusal by name for everything else, whoever it is.
@Suite struct OnlookerTests {
    @Test func looksAreAnsweredAndNothingElse() throws {
        let bench = try ControlBench(onlyLooks: true), client = try ControlClient(path: bench.path)
        let service = ServiceKey(proto: IPProtocol.tcp, address: IPAddress(v4: 1), port: 80)
        #expect(try client.inventory().services.isEmpty)
        #expect(try client.text(.explain(packet: "abc", .text)) == "cba")
        func refusal(_ body: () throws -> Void) -> ControlFailure? { #expect(throws: ControlFailure.self) { try body() } }
        for (words, ask) in [
            ("add service TCP 0.0.0.1:80", { try client.apply(.addService(service, ServiceSettings())) }),
            ("delete all services", { try client.apply(.flush) }), ("zero counters", { try client.apply(.zero(nil)) }),
            ("list connections", { _ = try client.connections() }),
            ("set vs.sloppy_tcp", { _ = try client.text(.setSwitch(name: "vs.sloppy_tcp", value: "1")) }),
            ("record", { _ = try client.startRecording(.init()) }), ("record", { _ = try client.chunk(.recorded) }),
            ("record", { _ = try client.endRecording() }),
        ] as [(String, () throws -> Void)] {
            let failure = refusal(ask)
            #expect(failure == .denied(errno: 13, "this socket is for looking only, not to \(words)"))
        }
        #expect(bench.stop().state == Inventory())
    }
}
