import LVS
import Links
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

@testable import Carrying

/// What the director gets of frames that are not carried, by the rules that stand in the place of its packet filter.
@Suite(.serialized, .enabled(if: isRoot))
struct SharedRulesTests {
    private static let addresses =
        (1...6).map { IPAddress(v4: 0x0a00_0000 + $0) } + (1...6).map { IPAddress(high: 0x2001_0db8 << 32, low: $0) }

    private static func match(_ generator: inout SeededGenerator) -> CaptureMatch {
        let address = addresses.randomElement(using: &generator) ?? addresses[0]
        let length = Bool.random(using: &generator) ? address.family.width : address.family.width - Int.random(in: 0...4, using: &generator)
        let port = UInt16.random(in: 1...8, using: &generator)
        return CaptureMatch(
            Bool.random(using: &generator) ? .source : .destination, address, prefixLength: length,
            proto: [nil, 6, 17, 132, 47].randomElement(using: &generator) ?? nil,
            ports: [nil, port...port, port...(port + 2)].randomElement(using: &generator) ?? nil)
    }

    /// A frame, and whether its ports stand where everybody looks for them.
    private static func randomFrame(_ generator: inout SeededGenerator) -> (bytes: [UInt8], isPlain: Bool) {
        let family = Bool.random(using: &generator) ? 0..<6 : 6..<12
        let ends = (0..<2).map { _ in
            Endpoint(addresses[Int.random(in: family, using: &generator)], UInt16.random(in: 1...8, using: &generator))
        }
        switch Int.random(in: 0..<6, using: &generator) {
        case 0, 1: return (frame(Packet.tcp(from: ends[0], to: ends[1])), true)
        case 2, 3: return (frame(Packet.udp(from: ends[0], to: ends[1])), true)
        case 4:
            let proto: UInt8 = [1, 58, 47, 50].randomElement(using: &generator) ?? 1
            return (frame(Packet.ip(from: ends[0], to: ends[1], proto: proto, payload: Array(repeating: 0, count: 8))), false)
        default:
            return (
                [0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 9, 8, UInt8.random(in: 5...6, using: &generator)] + Array(repeating: 0, count: 46), true
            )
        }
    }

    @Test(arguments: 0..<20)
    func letsThroughWhatTheFilterDoes(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let trial = try Trial()
        let matches = (0..<Int.random(in: 0...12, using: &generator)).map { _ in Self.match(&generator) }
        let filter = PacketFilter(accepting: matches, everyICMP: seed % 4 == 0)
        try #require(filter.precision == .ports)
        trial.carrier.control.accept(filter)
        var accepted = 0
        for _ in 0..<200 {
            let (bytes, isPlain) = Self.randomFrame(&generator)
            var copy = bytes
            let wanted = copy.withUnsafeMutableBytes { buffer in
                buffer.baseAddress.map { filter.accepts(Bytes($0, count: buffer.count)) } ?? false
            }
            let fate = try trial.fate(of: bytes)
            accepted += wanted ? 1 : 0
            #expect(fate == (wanted ? .up : .none) || fate == .up && !isPlain, "\(bytes) by \(matches)")
        }
        #expect(matches.isEmpty || accepted > 0)
    }

    @Test func manyRulesBecomeAddressesAndThenEverything() throws {
        let trial = try Trial(), odd = frame(Packet.udp(from: "10.0.0.9:7", to: "10.0.0.1:9999"))
        let elsewhere = frame(Packet.udp(from: "10.0.0.9:7", to: "10.9.9.9:9"))
        let ports = (1...65).map { CaptureMatch(.destination, IPAddress(v4: 0x0a00_0001), proto: 17, ports: $0 * 2...$0 * 2) }
        trial.carrier.control.accept(PacketFilter(accepting: ports))
        #expect(try trial.fate(of: odd) == .up && trial.fate(of: elsewhere) == .none)
        trial.carrier.control.accept(PacketFilter(accepting: Array(ports.prefix(64))))
        #expect(try trial.fate(of: odd) == .none)
        let addresses = (1...65).map { CaptureMatch(.destination, IPAddress(v4: 0x0b00_0000 + $0 * 2)) }
        trial.carrier.control.accept(PacketFilter(accepting: addresses))
        #expect(try trial.fate(of: elsewhere) == .up)
        trial.carrier.control.accept(.everything)
        #expect(try trial.fate(of: elsewhere) == .up)
    }
}
