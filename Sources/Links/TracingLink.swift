public import Wire

/// A link that writes down what passes through the link it holds, received and sent frames alike, into a pcap file.
public final class TracingLink: Link {
    /// Nanoseconds since 1970 that the next frames are written with; the holder sets it once per batch.
    public var now: UInt64 = 0
    private let link: any Link
    private let trace: PcapWriter
    private let offloads: VnetWriter?

    /// `offloads`, where given, takes each frame's offload header, in the same order.
    public init(_ link: any Link, into trace: PcapWriter, offloads: VnetWriter? = nil) {
        self.link = link
        self.trace = trace
        self.offloads = offloads
    }

    public var interface: Int32 { link.interface }
    public var descriptor: Int32 { link.descriptor }
    public var wantsPoll: Bool { link.wantsPoll }
    public var counters: LinkCounters { link.counters }

    public func receive(into batch: inout Batch) throws(LinkError) {
        let before = batch.count
        try link.receive(into: &batch)
        for index in before..<batch.count { try write(batch[index]) }
    }

    /// What the link refuses is in the trace, too: it was on its way.
    public func transmit(_ batch: borrowing Batch) throws(LinkError) {
        for index in 0..<batch.count where batch[index].egress == interface { try write(batch[index]) }
        try link.transmit(batch)
    }

    private func write(_ frame: borrowing Frame) throws(LinkError) {
        try trace.write(frame.bytes, time: now)
        try offloads?.write(frame.offload)
    }
}
