import LVS
import LinkKit
import Links
import Testing
import Wire

@testable import Runtime

/// A link that counts how often it is asked to send.
final class CountingLink: Link {
    var interface: Int32
    private(set) var transmissions = 0
    private(set) var sent: [[UInt8]] = []
    private(set) var counters = LinkCounters()
    var failure: LinkError?

    init(interface: Int32) { self.interface = interface }

    func receive(into batch: inout Batch) throws(LinkError) {}

    func transmit(_ batch: borrowing Batch) throws(LinkError) {
        transmissions += 1
        if let failure { throw failure }
        for index in 0..<batch.count where batch[index].egress == interface { sent.append(batch[index].bytes.array) }
    }
}

@Suite struct EgressLinksTests {
    /// Sends frames of one byte, each its own number, by these interfaces.
    private func send(_ interfaces: [Int32], by egress: EgressLinks) throws {
        let source = MemoryLink(frames: interfaces.indices.map { [UInt8($0)] })
        var batch = Batch(capacity: 64)
        try source.receive(into: &batch)
        for index in 0..<batch.count { batch[index].egress = interfaces[index] }
        egress.transmit(batch)
    }

    private func interface(_ index: Int32) -> Network.Interface { .init(index: index, name: "eth\(index)", mac: .zero, mtu: 1500) }

    @Test func aBatchGoesOnceToEachLinkThatSomethingLeavesBy() throws {
        let links = [2, 3, 4].map { CountingLink(interface: $0) }
        let egress = EgressLinks(links, open: { _ throws(LinkError) in throw LinkError("nothing is opened") }, complain: { _, _ in })
        try send([2, 0, 4, 2, 4, 4, 2], by: egress)
        #expect(links.map(\.transmissions) == [1, 0, 1])
        #expect(links[0].sent == [[0], [3], [6]] && links[2].sent == [[2], [4], [5]])
        try send([0, 0], by: egress)
        #expect(links.map(\.transmissions) == [1, 0, 1])
    }

    @Test func aWayOutWithoutLinkIsOpenedOnce() throws {
        var opened: [CountingLink] = [], complaints: [String] = []
        let egress = EgressLinks(
            [CountingLink(interface: 2)],
            open: { interface throws(LinkError) in
                guard interface.index != 9 else { throw LinkError("interface \(interface.name): no such interface") }
                opened.append(CountingLink(interface: interface.index))
                return opened[opened.count - 1]
            }, complain: { error, _ in complaints.append(error.description) })
        egress.follow([interface(2), interface(5), interface(9)])
        for _ in 0..<3 { try send([5, 5, 2, 9, 77, -1], by: egress) }
        #expect(opened.map(\.interface) == [5] && opened[0].transmissions == 3)
        #expect(complaints == ["interface eth9: no such interface"])
        // After a change it is worth another attempt; what is gone is let go of.
        egress.follow([interface(2), interface(9)])
        try send([5, 9], by: egress)
        #expect(opened.count == 1 && opened[0].transmissions == 3 && complaints.count == 2)
    }

    /// For want of a descriptor, for example: the next attempt may succeed.
    @Test func aWayOutThatCouldNotBeOpenedIsTriedAgain() throws {
        var opened: [CountingLink] = [], isFull = true
        let egress = EgressLinks(
            [],
            open: { interface throws(LinkError) in
                guard !isFull else { throw LinkError("interface \(interface.name): too many open files") }
                opened.append(CountingLink(interface: interface.index))
                return opened[opened.count - 1]
            }, complain: { _, _ in })
        egress.follow([interface(5)])
        try send([5], by: egress)
        isFull = false
        try send([5], by: egress)
        #expect(opened.isEmpty)
        egress.retry()
        try send([5], by: egress)
        #expect(opened.map(\.sent) == [[[0]]])
    }

    @Test func anInterfaceMadeAnewIsFoundUnderItsNewNumber() throws {
        let link = CountingLink(interface: 2)
        let egress = EgressLinks([link], open: { _ throws(LinkError) in throw LinkError("nothing is opened") }, complain: { _, _ in })
        link.interface = 12
        try send([12], by: egress)
        #expect(link.sent == [[0]])
    }

    @Test func aFailureIsToldAndTheOthersSendAllTheSame() throws {
        let links = [2, 3].map { CountingLink(interface: $0) }
        links[0].failure = LinkError("interface eth2 is down")
        var complaints: [Int32] = []
        let egress = EgressLinks(links, open: { _ throws(LinkError) in throw LinkError("") }, complain: { complaints.append($1) })
        try send([2, 3], by: egress)
        #expect(complaints == [2] && links[1].sent == [[1]])
    }
}
