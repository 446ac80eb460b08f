public import Links
internal import Wire

/// What the time of an emitted frame in a pcap says.
public enum Stamp: String, Sendable, CaseIterable {
    /// Seconds: the number of the input frame that caused it; microseconds: its number within those.
    case index
    /// The time of the input frame that caused it.
    case input
}

/// Writes emitted frames to one pcap file per interface, and their offload headers beside it when asked.
public final class EmissionWriter {
    private struct Output {
        var writer: PcapWriter
        var offloads: VnetWriter?
    }
    private var outputs: [Int32: Output] = [:]
    private let stamp: Stamp
    private var lastCause = -1
    private var number: UInt32 = 0

    public init(stamp: Stamp) { self.stamp = stamp }

    /// Frames that leave on `interface` go to `path`.
    public func open(_ path: String, offloads: String? = nil, for interface: Int32) throws(LinkError) {
        var output = Output(writer: try PcapWriter(path: path), offloads: nil)
        if let offloads { output.offloads = try VnetWriter(path: offloads) }
        outputs[interface] = output
    }

    public func write(_ emission: Replayer.Emission) throws(LinkError) {
        if emission.cause != lastCause {
            lastCause = emission.cause
            number = 0
        }
        defer { number += 1 }
        guard let output = outputs[emission.interface] else { return }
        var bytes = emission.frame
        var failure: LinkError?
        bytes.withBytes { window in
            do throws(LinkError) {
                switch stamp {
                case .index: try output.writer.write(window, seconds: UInt32(truncatingIfNeeded: emission.cause), microseconds: number)
                case .input: try output.writer.write(window, time: UInt64(max(emission.causeTime, 0)))
                }
                try output.offloads?.write(emission.offload)
            } catch { failure = error }
        }
        if let failure { throw failure }
    }

    public func close() throws(LinkError) {
        for output in outputs.values {
            try output.writer.close()
            try output.offloads?.close()
        }
    }
}
