internal import Clibpcap
internal import Glibc
internal import Linux
internal import SystemPackage
public import Wire

/// Writes Ethernet frames to a pcap file in this machine's byte order, through libpcap.
public final class PcapWriter {
    /// Longest frame (the file's snapshot length).
    public static var longestFrame: Int { 262_144 }

    public let path: String
    public private(set) var frames = 0
    private let handle: OpaquePointer
    private var dump: OpaquePointer?

    /// Whether times are kept to the nanosecond, else to the microsecond.
    private let isExact: Bool

    /// Makes or empties the file `path`; `-` is the standard output.
    /// - Parameter isExact: nanoseconds instead of microseconds.
    public init(path: String, isExact: Bool = false) throws(LinkError) {
        self.path = path
        self.isExact = isExact
        let precision = UInt32(isExact ? PCAP_TSTAMP_PRECISION_NANO : PCAP_TSTAMP_PRECISION_MICRO)
        guard let handle = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, Int32(Self.longestFrame), precision) else {
            throw LinkError("\(path): no memory")
        }
        self.handle = handle
        guard let stream = path == "-" ? fdopen(dup(1), "wb") : fopen(path, "wb") else {
            throw LinkError(path, .latest)
        }
        dump = pcap_dump_fopen(handle, stream)
        guard dump != nil else {
            fclose(stream)
            throw LinkError("\(path): \(String(cString: pcap_geterr(handle)))")
        }
    }

    deinit {
        if let dump { pcap_dump_close(dump) }
        pcap_close(handle)
    }

    /// Appends a frame with the time `seconds`.`microseconds`.
    public func write(_ frame: Bytes, seconds: UInt32, microseconds: UInt32) throws(LinkError) {
        try write(frame, seconds, isExact ? microseconds &* 1000 : microseconds)
    }

    private func write(_ frame: Bytes, _ seconds: UInt32, _ fraction: UInt32) throws(LinkError) {
        guard let dump else { throw LinkError("\(path): is closed") }
        guard frame.count <= Self.longestFrame else {
            throw LinkError("\(path): frame \(frames + 1): \(frame.count) bytes do not fit in a pcap file")
        }
        var header = pcap_pkthdr()
        header.ts.tv_sec = Int(seconds)
        header.ts.tv_usec = Int(fraction)
        header.caplen = UInt32(frame.count)
        header.len = UInt32(frame.count)
        errno = 0
        pcap_dump(
            UnsafeMutableRawPointer(dump).assumingMemoryBound(to: UInt8.self), &header,
            frame.base.assumingMemoryBound(to: UInt8.self))
        guard ferror(pcap_dump_file(dump)) == 0 else { throw failure() }
        frames += 1
    }

    /// Appends a frame that passed `time` nanoseconds after 1970.
    public func write(_ frame: Bytes, time: UInt64) throws(LinkError) {
        let nanoseconds = UInt32(time % UInt64(second))
        try write(frame, UInt32(truncatingIfNeeded: time / UInt64(second)), isExact ? nanoseconds : nanoseconds / 1000)
    }

    /// Hands what is buffered to the system.
    public func flush() throws(LinkError) {
        guard let dump else { return }
        guard pcap_dump_flush(dump) == 0 else { throw failure() }
    }

    /// Completes the file; nothing can be written afterwards.
    public func close() throws(LinkError) {
        guard let dump else { return }
        let flushed = pcap_dump_flush(dump) == 0
        let reason = errno
        pcap_dump_close(dump)
        self.dump = nil
        if !flushed {
            errno = reason
            throw failure()
        }
    }

    private func failure() -> LinkError {
        LinkError("\(path): writing frame \(frames + 1)", .latest)
    }
}
