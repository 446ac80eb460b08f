public import Links
internal import Wire

/// What the time of an emitted frame in a pcap says.
public enum TimestampMode: String, Sendable, CaseIterable {
    /// Seconds: the number of the input frame that caused it; microseconds: its number within those.
    case index
    /// The time of the input frame that caused it.
    case input
}

/// Writes emitted frames to one pcap file per interface, and their offload headers beside it when asked.
public final class EmissionWriter {
    private struct Output {
        var file: File
        var offloads: VnetWriter?
    }

    private enum File {
        case pcap(PcapWriter)
        case commented(PcapNGWriter)

        func close() throws(LinkError) {
            switch self {
            case .pcap(let writer): try writer.close()
            case .commented(let writer): try writer.close()
            }
        }
    }

    private var outputs: [Int32: Output] = [:]
    private let stamp: TimestampMode
    private var lastCause = -1
    private var number: UInt32 = 0

    public init(stamp: TimestampMode) { self.stamp = stamp }

    /// Frames that leave on `interface` go to `path`, with comments when it ends in `.pcapng`.
    /// - Parameter name: the interface's, which a pcapng file holds.
    public func open(_ path: String, offloads: String? = nil, for interface: Int32, name: String = "") throws(LinkError) {
        let isCommented = path.hasSuffix(".pcapng")
        let file: File = isCommented ? .commented(try PcapNGWriter(path: path, interface: name)) : .pcap(try PcapWriter(path: path))
        var output = Output(file: file, offloads: nil)
        if let offloads { output.offloads = try VnetWriter(path: offloads) }
        outputs[interface] = output
    }

    /// - Parameter comment: what is said about the frame where the file can hold it.
    public func write(_ emission: Replayer.Emission, comment: @autoclosure () -> String? = nil) throws(LinkError) {
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
                let time =
                    stamp == .index
                    ? UInt64(max(emission.cause, 0)) * UInt64(second) + UInt64(number) * 1000
                    : UInt64(max(emission.causeTime, 0))
                switch output.file {
                case .pcap(let writer): try writer.write(window, time: time)
                case .commented(let writer): try writer.write(window, time: time, comment: comment())
                }
                try output.offloads?.write(emission.offload)
            } catch { failure = error }
        }
        if let failure { throw failure }
    }

    public func close() throws(LinkError) {
        for output in outputs.values {
            try output.file.close()
            try output.offloads?.close()
        }
    }
}
