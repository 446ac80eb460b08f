import Decap
import PacketKit
import Testing
import Wire

private let segment = Packet.tcp(
    from: "192.0.2.1:1000", to: "10.9.0.1:80", flags: .ack, payload: (0..<300).map { UInt8(truncatingIfNeeded: $0) })
private let outer4 = segment.ipip(from: "10.2.0.1", to: "10.2.0.11", id: 77, df: false)
private let outer6 = segment.gue(from: "[fd00::1]:40000", to: "[fd00::11]:6080")

@Suite struct OuterFragmentsTests {
    /// The whole packet that came of fragments in this order, each added once, and how many datagrams were lost.
    private func reassemble(_ pieces: [[UInt8]]) -> (wholes: [[UInt8]], lost: UInt64) {
        var store = OuterFragments()
        var wholes: [[UInt8]] = []
        for piece in pieces {
            var piece = piece
            if let whole = piece.withBytes({ store.add($0, at: 0) }) { wholes.append(whole) }
        }
        return (wholes, store.lost)
    }

    @Test("Any order, both families", arguments: [outer4, outer6], [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0], [0, 0, 2, 1, 2]])
    func orders(_ packet: [UInt8], _ order: [Int]) {
        let pieces = packet.fragments(120, 160)
        #expect(reassemble(order.map { pieces[$0] }).wholes == [packet])
    }

    @Test("Extension headers stay where they were")
    func extensionHeaders() {
        let packet = outer6.extensionHeaders(.hopByHop())
        // The unfragmentable part ends behind the first header; what the fragment header precedes is UDP.
        let payload = Array(packet[48...])
        let first = Array(packet[..<40]) + [44] + packet[41..<48] + [17, 0, 0, 1, 0, 0, 0, 9] + payload[..<80]
        let last = Array(packet[..<40]) + [44] + packet[41..<48] + [17, 0, 0, 80, 0, 0, 0, 9] + payload[80...]
        #expect(reassemble([first, last].map(\.withItsLength)).wholes == [packet])
    }

    @Test("Two datagrams at a time, told apart by their number")
    func interleaved() {
        let other = segment.ipip(from: "10.2.0.1", to: "10.2.0.11", id: 78, df: false)
        let a = outer4.fragments(160), b = other.fragments(160)
        #expect(reassemble([a[0], b[0], a[1], b[1]]).wholes == [outer4, other])
    }

    @Test("Contradictions spoil the datagram")
    func contradictions() {
        let pieces = outer4.fragments(120, 160), others = outer4.fragments(128, 80)
        #expect(reassemble([pieces[0], pieces[1], others[1], pieces[2]]) == ([], 1), "an overlap")
        let shorter = Array(outer4.dropLast(8)).fragments(120, 160)
        #expect(reassemble([pieces[2], shorter[2], pieces[0]]) == ([], 1), "two ends")
    }

    @Test("Memory and patience have an end")
    func limits() {
        var store = OuterFragments(limit: 2, patience: 100)
        func add(_ id: UInt16, at now: UInt64) {
            var piece = segment.ipip(from: "10.2.0.1", to: "10.2.0.11", id: id, df: false).fragments(160)[0]
            _ = piece.withBytes { store.add($0, at: now) }
        }
        add(1, at: 0)
        add(2, at: 10)
        add(3, at: 20)
        #expect(store.count == 2)
        #expect(store.lost == 1)
        store.giveUp(at: 115)
        #expect(store.count == 1)
        store.giveUp(at: 200)
        #expect(store.count == 0)
        #expect(store.lost == 3)
    }
}

extension [UInt8] {
    /// An IPv6 packet whose payload length is right.
    fileprivate var withItsLength: [UInt8] {
        var packet = self
        let length = count - 40
        packet[4] = UInt8(length >> 8)
        packet[5] = UInt8(truncatingIfNeeded: length)
        return packet
    }
}
