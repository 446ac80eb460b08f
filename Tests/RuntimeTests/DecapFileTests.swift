import Decap
import Glibc
import Links
import PacketKit
import Replay
import Testing
import Wire

import enum PacketKit.Packet

@testable import Runtime

@Suite struct DecapFileTests {
    static let inner = Packet.udp(from: "198.51.100.7:5555", to: "192.0.2.1:53", payload: Array("question".utf8))
    static let outer = inner.ipip(from: "10.0.0.254", to: "10.0.0.11")

    /// Frames go through a file; what comes out, and what was counted.
    private func unwrap(_ frames: [[UInt8]], _ decapsulator: Decapsulator) throws -> (frames: [[UInt8]], counters: DecapCounters) {
        var template = Array("/tmp/svs-decap.XXXXXX".utf8CString)
        let folder = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) }.map { String(cString: $0) } ?? "/tmp"
        let input = folder + "/in.pcap", output = folder + "/out.pcap"
        defer {
            unlink(input)
            unlink(output)
            rmdir(folder)
        }
        let writer = try PcapWriter(path: input)
        for (number, frame) in frames.enumerated() {
            var frame = frame
            try frame.withBytes { try writer.write($0, seconds: UInt32(number), microseconds: 0) }
        }
        try writer.close()
        let counters = try DecapFile(decapsulator, from: input, to: output, stamp: .index).run()
        let reader = try PcapReader(path: output)
        var left: [[UInt8]] = []
        while let (_, bytes) = try reader.next() { left.append(bytes) }
        return (left, counters)
    }

    @Test func tunnelPacketsAreUnwrappedAndOthersCopied() throws {
        let plain = Self.inner.ethernet()
        let (left, counters) = try unwrap([Self.outer.ethernet(), plain, Self.outer.ethernet().vlan(7)], Decapsulator(.ipip))
        #expect(left == [plain, plain, plain.vlan(7)])
        #expect(counters.line == "unwrapped 2, passed 1")
    }

    @Test func strangersAreLeftOutAndCounted() throws {
        let decapsulator = Decapsulator(.ipip, sources: [.init(address: ip("10.9.0.0"), length: 16)])
        let (left, counters) = try unwrap([Self.outer.ethernet()], decapsulator)
        #expect(left.isEmpty && counters.unwrapped == 0 && counters.refused.values.reduce(0, +) == 1)
    }

    /// A UDP superframe is the datagrams that the receiving side joined.
    @Test(arguments: [1, 5, 8, 100]) func superframesAreTakenApart(_ size: Int) throws {
        let payload = (0..<20).map { UInt8($0) }
        for (from, to) in [("10.0.0.254:4", "10.0.0.11:6080"), ("[fd00::fe]:4", "[fd00::11]:6080")] as [(Endpoint, Endpoint)] {
            var packet = Packet.udp(from: from, to: to, payload: payload)
            let datagrams = packet.withBytes { Array(Datagrams($0, size: size)) }
            let cut = stride(from: 0, to: 20, by: size).map { Array(payload[$0..<min($0 + size, 20)]) }
            #expect(datagrams.count == cut.count)
            for (datagram, part) in zip(datagrams, cut) {
                let header = from.address.isV4 ? 28 : 48
                #expect(Array(datagram[header...]) == part)
                #expect(Int(datagram[header - 4]) << 8 | Int(datagram[header - 3]) == 8 + part.count)
            }
        }
    }
}
