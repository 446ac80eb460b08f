import CLinux
import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

@testable import Carrying

/// The program that runs in the kernel, in the kernel's own trial of it.
@Suite(.serialized, .enabled(if: isRoot))
struct CarryProgramTests {
    @Test(arguments: [Ends.v4, .v6])
    func aFlowIsCarriedWhenItsEarlierFramesHaveLeft(_ ends: Ends) throws {
        let trial = try Trial()
        for (proto, frame) in [(6, ends.tcp()), (17, ends.udp())] as [(UInt8, [UInt8])] {
            #expect(try trial.fate(of: frame) == .none, "nobody wants it yet")
            #expect(trial.carrier.carry(ends.flow(proto)))
            #expect(try trial.fate(of: frame) == .up)
            #expect(try trial.fate(of: frame) == .up, "the one before it is on its way through the director")
            trial.letThrough()
            #expect(try trial.fate(of: frame) == .along(forwarded(frame)))
            #expect(try trial.fate(of: frame) == .along(forwarded(frame)))
            #expect(trial.carrier.progress(of: ends.flow(proto).flow)?.packets == 2)
        }
        let bytes = UInt64(2 * (ends.tcp().count + ends.udp().count - 4 * 7))
        #expect(trial.carrier.counters(of: 3) == CarriedCounters(packets: 4, bytes: bytes))
        #expect(trial.carrier.counters(of: 4) == CarriedCounters())
    }

    struct Shape: Sendable, CustomStringConvertible {
        var description: String
        var frame: @Sendable (Ends) -> [UInt8]
        var segment = 0
        init(_ description: String, segment: Int = 0, _ frame: @escaping @Sendable (Ends) -> [UInt8]) {
            (self.description, self.frame, self.segment) = (description, frame, segment)
        }
    }

    private static func changed(_ frame: [UInt8], _ place: Int, _ change: (UInt8) -> UInt8) -> [UInt8] {
        var frame = frame
        frame[14 + place] = change(frame[14 + place])
        return frame
    }

    private static let fast = [
        Shape("an acknowledgement without anything") { $0.tcp(payload: []) },
        Shape("data with PSH") { $0.tcp([.ack, .psh]) },
        Shape("with TCP options") { $0.tcp(options: TCPOption.timestamps(1, 2)) },
        Shape("two hops left") { $0.tcp(ttl: 2) },
        Shape("as long as may be") { ends in
            ends.tcp(payload: Array(repeating: 7, count: 1500 - ends.service.address.family.headerLength - 20))
        },
        Shape("a superframe whose segments fit", segment: 1400) { $0.tcp(payload: Array(repeating: 7, count: 2800)) },
    ]

    @Test(arguments: [Ends.v4, .v6], fast)
    func isCarried(_ ends: Ends, _ shape: Shape) throws {
        let trial = try Trial(), frame = shape.frame(ends)
        try trial.open(ends.flow(6), ends.tcp())
        #expect(try trial.fate(of: frame, segment: shape.segment) == .along(forwarded(frame)))
    }

    private static let slow = [
        Shape("SYN") { $0.tcp(.syn) }, Shape("SYN, ACK") { $0.tcp([.syn, .ack]) }, Shape("FIN") { $0.tcp([.fin, .ack]) },
        Shape("RST") { $0.tcp([.rst, .ack]) }, Shape("without ACK") { $0.tcp(.psh) },
        Shape("the last hop") { $0.tcp(ttl: 1) },
        Shape("one byte too long") { ends in
            ends.tcp(payload: Array(repeating: 7, count: 1501 - ends.service.address.family.headerLength - 20))
        },
        Shape("a superframe whose segments do not fit", segment: 1480) { $0.tcp(payload: Array(repeating: 7, count: 2800)) },
        Shape("a TCP header that is longer than the packet") { ends in
            changed(ends.tcp(), ends.service.address.family.headerLength + 12) { _ in 0xf0 }
        },
        Shape("a TCP header that is too short") { ends in
            changed(ends.tcp(), ends.service.address.family.headerLength + 12) { _ in 0x40 }
        },
        Shape("padding behind the packet") { $0.tcp() + [0, 0, 0] },
        Shape("shorter than it says") { $0.tcp().dropLast() },
        Shape("no more than ports") { ends in
            OddFrames.cut(ends, transport: 8)
        },
    ]

    private static let slow4 = [
        Shape("a wrong checksum of its header") { changed($0.tcp(), 10) { $0 ^ 1 } },
        Shape("the first of several fragments") { ends in
            frame(Packet.ip(from: ends.client, to: ends.service, proto: 6, payload: Array(ends.tcp()[34...]), mf: true))
        },
        Shape("with IP options") { ends in OddFrames.withOptions(ends.tcp()) },
    ]

    @Test(arguments: [Ends.v4, .v6], slow)
    func comesUp(_ ends: Ends, _ shape: Shape) throws { try comesUpAndShutsTheFlow(ends, shape) }

    @Test(arguments: slow4)
    func comesUp4(_ shape: Shape) throws { try comesUpAndShutsTheFlow(.v4, shape) }

    @Test(arguments: [0, 43, 44, 60] as [UInt8])
    func comesUpWithAnExtensionHeader(_ kind: UInt8) throws {
        try comesUpAndShutsTheFlow(.v6, Shape("extension header \(kind)") { OddFrames.withExtension(kind, $0.tcp()) })
    }

    private func comesUpAndShutsTheFlow(_ ends: Ends, _ shape: Shape) throws {
        let trial = try Trial()
        try trial.open(ends.flow(6), ends.tcp())
        #expect(try trial.fate(of: ends.tcp()) == .along(forwarded(ends.tcp())))
        #expect(try trial.fate(of: shape.frame(ends), segment: shape.segment) == .up)
        #expect(try trial.fate(of: ends.tcp()) == .up, "it may not overtake what came before it")
        trial.letThrough()
        #expect(try trial.fate(of: ends.tcp()) == .along(forwarded(ends.tcp())))
        #expect(trial.carrier.counters(of: 3).packets == 2)
    }

    @Test(arguments: [Ends.v4, .v6])
    func whatIsStoppedIsNotCarried(_ ends: Ends) throws {
        let trial = try Trial(), frame = ends.tcp(), flow = ends.flow(6)
        try trial.open(flow, frame)
        #expect(try trial.fate(of: frame) == .along(forwarded(frame)))

        trial.carrier.stop(to: 4)
        #expect(try trial.fate(of: frame) == .along(forwarded(frame)), "another server")
        trial.carrier.stop(to: 3)
        #expect(try trial.fate(of: frame) == .none)
        #expect(trial.carrier.progress(of: flow.flow)?.packets == 2, "what was seen of it stays")
        try trial.open(flow, frame)
        #expect(try trial.fate(of: frame) == .along(forwarded(frame)), "once more, in the place of what was")

        trial.carrier.stopAll()
        #expect(try trial.fate(of: frame) == .none)
        try trial.open(flow, frame)
        #expect(try trial.fate(of: frame) == .along(forwarded(frame)))
        trial.carrier.control.isOn = false
        #expect(try trial.fate(of: frame) == .none)
        trial.carrier.control.isOn = true

        let seen = try #require(trial.carrier.stop(flow.flow))
        #expect(seen.packets == 1 && seen.lastSeen > 0 && seen.lastSeen <= Instant(svs_clock()))
        #expect(try trial.fate(of: frame) == .none)
        #expect(trial.carrier.stop(flow.flow) == nil && trial.carrier.progress(of: flow.flow) == nil)
        trial.carrier.settle()
        #expect(trial.carrier.counters(of: 3).packets == 4, "never goes back")
    }

    @Test func theNextDirectorTakesOver() throws {
        let trial = try Trial()
        for ends in [Ends.v4, .v6] {
            try trial.open(ends.flow(6), ends.tcp())
            _ = try trial.fate(of: ends.tcp())
        }
        var flows: [Flow: UInt64] = [:]
        let next = try KernelCarrier(trial.program.maps)
        next.takeOver { flows[$0] = $1.packets }
        #expect(flows == [Ends.v4.flow(6).flow: 1, Ends.v6.flow(6).flow: 1])
        for ends in [Ends.v4, .v6] { #expect(try trial.fate(of: ends.tcp()) == .none) }
        next.takeOver { flow, _ in Issue.record("\(flow) is there still") }
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let trial = try Trial(flows: 16)
        var flow = Ends.v4.flow(17)
        for port in 1...16 {
            flow.flow.sourcePort = UInt16(port)
            #expect(trial.carrier.carry(flow))
        }
        flow.flow.sourcePort = 17
        #expect(!trial.carrier.carry(flow))
        flow.flow.sourcePort = 16
        #expect(trial.carrier.carry(flow), "in its own place")
        flow.server = ServerID(trial.carrier.serverLimit)
        #expect(!trial.carrier.carry(flow))
    }
}
