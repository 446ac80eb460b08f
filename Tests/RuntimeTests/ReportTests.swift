import LVS
import Links
import Testing
import Wire

@testable import Runtime

@Suite struct ReportTests {
    /// A link that has lost frames.
    private final class LossyLink: Link {
        let interface: Int32
        let counters: LinkCounters
        init(interface: Int32, _ counters: LinkCounters) { (self.interface, self.counters) = (interface, counters) }
        func receive(into batch: inout Batch) throws(LinkError) {}
        func transmit(_ batch: borrowing Batch) throws(LinkError) {}
    }

    @Test func lossesAreNamedByInterface() {
        var director = Director(connections: 16)
        director.network = FakeHost.network
        var missed = LinkCounters(), several = LinkCounters()
        (missed.received, missed.missed) = (9, 3)
        (several.truncated, several.queueFull, several.refused) = (1, 2, 4)
        let links = [LossyLink(interface: 2, missed), LossyLink(interface: 3, LinkCounters()), LossyLink(interface: 77, several)]
        #expect(
            Report(director, links).lines == [
                "eth0: frames lost: missed 3", "interface 77: frames lost: truncated 1, queue full 2, refused 4", "ended",
            ])
    }
}
