import Decap
import PacketKit
import Testing
import Wire

#if DEBUG
    private let frames = 30_000
#else
    private let frames = 1_000_000
#endif

@Suite struct DecapsulatorFuzzTests {
    private static let segment = Packet.tcp(from: "192.0.2.1:1000", to: "10.9.0.1:80", flags: .ack, payload: [1, 2, 3])
    private static let segment6 = Packet.udp(from: "[2001:db8::1]:1000", to: "[2001:db8:9::1]:80", payload: [1, 2, 3])

    private static let seeds: [[UInt8]] = [segment, segment6].flatMap { inner in
        [
            inner.ipip(from: "10.2.0.1", to: "10.2.0.11"), inner.ipip(from: "fd00::1", to: "fd00::11"),
            inner.gre(from: "10.2.0.1", to: "10.2.0.11", checksum: true, key: 1, sequence: 2), inner.gre(from: "fd00::1", to: "fd00::11"),
            inner.gue(from: "10.2.0.1:4", to: "10.2.0.11:6080", flags: 1, options: hex("80000000 00140024")),
            inner.gue(from: "[fd00::1]:4", to: "[fd00::11]:6080", variant: 1),
            inner.ipip(from: "10.2.0.1", to: "10.2.0.11", df: false).fragments(16)[1],
            inner.ipip(from: "fd00::1", to: "fd00::11").extensionHeaders(.destinationOptions(), .fragment(more: true)),
        ]
    }

    /// A packet with some bytes changed, cut off or appended; its outer IPv4 checksum is made right again, or most would end there.
    private static func damaged(_ noise: inout SeededGenerator) -> [UInt8] {
        var packet = seeds[noise.below(seeds.count)]
        for _ in 0..<noise.below(5) { packet[noise.below(packet.count)] = UInt8(truncatingIfNeeded: noise.next()) }
        if noise.below(4) == 0 { packet.removeLast(noise.below(packet.count)) }
        if noise.below(4) == 0 { packet += [UInt8](repeating: 0x5a, count: noise.below(40)) }
        packet.withBytes { bytes in
            guard let header = IPv4Header(bytes), noise.below(8) > 0 else { return }
            header.fillChecksum()
        }
        return packet
    }

    @Test("Damaged packets are judged, and whatever is taken lies within what carried it", arguments: Decapsulator.Kind.allCases)
    func damaged(_ kind: Decapsulator.Kind) {
        var noise = SeededGenerator(seed: 1)
        var fragments = OuterFragments(limit: 8)
        let decapsulator = Decapsulator(kind)
        var taken = 0
        for frame in 0..<frames / 3 {
            var packet = Self.damaged(&noise)
            let count = packet.count
            packet.withBytes { bytes in
                switch decapsulator.unwrap(bytes, trustsChecksums: noise.below(2) == 0) {
                case .inner(let inner):
                    taken += 1
                    let version = bytes[inner.offset] >> 4
                    if inner.offset < 20 || inner.offset + inner.length > count || version != inner.family.rawValue {
                        Issue.record("\(hexText(bytes.array))")
                    }
                case .fragment: _ = fragments.add(bytes, at: UInt64(frame))
                case .other, .refused: break
                }
            }
        }
        // Otherwise nothing but the first check was tried.
        #expect(taken > frames / 60)
    }

    @Test("Random bytes are no packets")
    func noise() {
        var noise = SeededGenerator(seed: 2)
        var packet = [UInt8](repeating: 0, count: 96)
        var fragments = OuterFragments(limit: 8)
        for frame in 0..<frames / 3 {
            for i in 0..<12 { packet.withBytes { $0.setBig64(noise.next(), at: i * 8) } }
            packet[0] = frame & 1 == 0 ? 0x45 : 0x60
            let length = noise.below(97)
            packet.withBytes { bytes in
                let window = bytes.prefix(length)
                for kind in Decapsulator.Kind.allCases { _ = Decapsulator(kind).unwrap(window, trustsChecksums: true) }
                _ = fragments.add(window, at: UInt64(frame))
            }
        }
        #expect(fragments.count <= 8)
    }
}
