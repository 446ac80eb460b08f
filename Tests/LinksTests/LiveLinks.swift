import Glibc
import Links
import Testing
import Wire

/// An Ethernet frame from `near` to `far` that carries `payload`.
func ethernet(_ type: UInt16, _ payload: [UInt8], to destination: [UInt8] = [2, 0, 0, 0, 0, 2]) -> [UInt8] {
    destination + [2, 0, 0, 0, 0, 1] + [UInt8(type >> 8), UInt8(type & 0xff)] + payload
}

/// A TCP segment 10.0.0.1:1000 > 10.0.0.2:80 as an Ethernet frame, its TCP checksum left as the pseudo-header's sum.
func segment(_ length: Int, port: UInt16 = 80, version6: Bool = false) -> [UInt8] {
    let total = UInt16(40 + length)
    let ip: [UInt8] = [0x45, 0, UInt8(total >> 8), UInt8(total & 0xff), 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
    let tcp: [UInt8] = [0x03, 0xe8, UInt8(port >> 8), UInt8(port & 0xff), 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff,
                        0x14, 0x0b, 0, 0]
    return ethernet(EtherType.ipv4, ip + tcp + (0..<length).map { UInt8(truncatingIfNeeded: $0) })
}

let partial = Offload(flags: Offload.needsChecksum, checksumStart: 34, checksumOffset: 16)
let superframe = Offload(flags: Offload.needsChecksum, segmentation: Offload.tcp4, headerLength: 54, segmentSize: 1460,
                         checksumStart: 34, checksumOffset: 16)

@Suite(.serialized, .enabled(if: Cable.isPossible, "needs root and ip(8)"))
struct LiveLinks {
    enum Kind: CaseIterable { case ring, socket }

    let cable: Cable
    init() throws { cable = try Cable() }

    func open(_ kind: Kind, _ name: String, filter: PacketFilter = .everything) throws -> any LiveLink {
        switch kind {
        case .ring: try cable.link(RingLink.self, name, filter: filter)
        case .socket: try cable.link(SocketLink.self, name, filter: filter)
        }
    }

    @Test(arguments: Kind.allCases)
    func plainFramesInOrder(_ kind: Kind) throws {
        let near = try open(.socket, "near"), far = try open(kind, "far")
        let frames = (0..<100).map { ethernet(0x88b5, [UInt8($0)] + [UInt8](repeating: 0xa5, count: 46 + $0 * 14)) }
        try near.send(frames.map { .init($0) })
        let arrivals = try far.collect(100)
        #expect(arrivals.map(\.bytes) == frames)
        #expect(arrivals.allSatisfy { $0.headroom >= 128 && $0.ingress == far.interface && $0.offload == Offload() })
        #expect(far.counters.received == 100 && far.counters.missed == 0 && near.counters.sent == 100)
        #expect(try near.collect(1, patience: 20).isEmpty, "what a link sent came back")
    }

    @Test(arguments: Kind.allCases)
    func superframesAndPartialChecksums(_ kind: Kind) throws {
        let near = try open(kind, "near"), far = try open(kind, "far")
        let sent: [MemoryLink.Copy] = [
            .init(segment(100), offload: partial), .init(segment(14_600), offload: superframe),
            .init(segment(60)), .init(segment(64_240), offload: superframe), .init(segment(3_000), offload: superframe),
        ]
        try near.send(sent)
        let arrivals = try far.collect(sent.count)
        #expect(near.counters.sent == 5 && near.counters.refused == 0)
        #expect(arrivals.map(\.bytes) == sent.map(\.bytes))
        #expect(arrivals.map(\.offload.flags) == sent.map(\.offload.flags))
        #expect(arrivals.map(\.offload.segmentation) == sent.map(\.offload.segmentation))
        #expect(arrivals.map(\.offload.segmentSize) == sent.map(\.offload.segmentSize))
        #expect(arrivals.map(\.offload.checksumStart) == sent.map(\.offload.checksumStart))
        #expect(arrivals.allSatisfy { $0.headroom >= 128 })
        #expect(far.counters.truncated == 0)
    }
}
