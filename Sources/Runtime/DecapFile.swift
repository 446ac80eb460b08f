public import Decap
public import Links
public import Replay
internal import Wire

/// A pcap file's frames with the tunnel taken off.
public struct DecapFile {
    private let decapsulator: Decapsulator
    private let reader: PcapReader
    private let writer: PcapWriter
    private let stamp: TimestampMode

    public init(_ decapsulator: Decapsulator, from input: String, to output: String, stamp: TimestampMode) throws(LinkError) {
        self.decapsulator = decapsulator
        self.stamp = stamp
        reader = try PcapReader(path: input)
        writer = try PcapWriter(path: output)
    }

    /// Unwraps every frame, and tells what was done with them.
    public func run() throws(LinkError) -> DecapCounters {
        var counters = DecapCounters()
        var index: UInt32 = 0
        while let (record, bytes) = try reader.next() {
            if let frame = unwrap(bytes, &counters) {
                var frame = frame
                var failure: LinkError?
                frame.withBytes { window in
                    do throws(LinkError) {
                        switch stamp {
                        case .index: try writer.write(window, seconds: index, microseconds: 0)
                        case .input: try writer.write(window, time: record.time)
                        }
                    } catch { failure = error }
                }
                if let failure { throw failure }
            }
            index &+= 1
        }
        try writer.close()
        return counters
    }

    /// The frame without the tunnel's headers, or as it was; `nil` for one that is refused.
    private func unwrap(_ frame: [UInt8], _ counters: inout DecapCounters) -> [UInt8]? {
        var frame = frame
        var link = 0
        let outcome = frame.withBytes { bytes -> Decapsulator.Outcome in
            guard let ethernet = EthernetHeader(bytes), ethernet.type == EtherType.ipv4 || ethernet.type == EtherType.ipv6 else {
                return .other
            }
            link = ethernet.length
            return decapsulator.unwrap(bytes.dropFirst(link))
        }
        switch outcome {
        case .other, .fragment:
            counters.passed += 1
            return frame
        case .refused(let refusal):
            counters.refused[refusal, default: 0] += 1
            return nil
        case .inner(let inner):
            counters.unwrapped += 1
            let type = inner.family == .v4 ? EtherType.ipv4 : EtherType.ipv6
            let start = link + inner.offset
            return frame[..<(link - 2)] + [UInt8(type >> 8), UInt8(truncatingIfNeeded: type)] + frame[start..<(start + inner.length)]
        }
    }
}
