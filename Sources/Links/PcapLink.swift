public import Wire

/// Pcap files as a link: frames come from one file in order and leave into another. The clock is the file's.
public final class PcapLink: NamedLink {
    public static let scheme = "pcap"

    /// Nanoseconds since 1970 at which the last received frame passed, and the time of frames that are sent.
    public private(set) var time: UInt64 = 0
    public private(set) var counters = LinkCounters()
    public let interface: Int32
    private let reader: PcapReader
    private let writer: PcapWriter?
    private let store: FrameStore

    /// `IN` or `IN,OUT`: the file to read and the one to write.
    public convenience init(opening name: String) throws(LinkError) {
        let paths = name.split(separator: ",", maxSplits: 1).map(String.init)
        guard let first = paths.first else { throw LinkError("link pcap:\(name): no file") }
        try self.init(reading: first, writing: paths.count > 1 ? paths[1] : nil)
    }

    public init(reading input: String, writing output: String? = nil, interface: Int32 = 1) throws(LinkError) {
        self.interface = interface
        reader = try PcapReader(path: input)
        writer = if let output { try PcapWriter(path: output) } else { nil }
        store = FrameStore(capacity: 64)
    }

    public func receive(into batch: inout Batch) throws(LinkError) {
        var taken = 0
        while !batch.isFull, taken < store.capacity,
            let record = try reader.next(into: Bytes(store.start(taken), count: FrameStore.room))
        {
            batch.append(store.frame(taken, length: record.length, ingress: interface))
            time = record.time
            counters.received &+= 1
            taken += 1
        }
    }

    public func transmit(_ batch: borrowing Batch) throws(LinkError) {
        for index in 0..<batch.count where batch[index].egress == interface {
            try writer?.write(batch[index].bytes, time: time)
            counters.sent &+= 1
        }
    }

    /// Completes the file that is written.
    public func close() throws(LinkError) { try writer?.close() }
}
