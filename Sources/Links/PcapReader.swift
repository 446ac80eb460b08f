internal import Clibpcap
internal import Glibc
internal import Linux
internal import SystemPackage
public import Wire

/// Reads the Ethernet frames of a pcap or pcapng file, one after another, through libpcap; whatever the file's byte
/// order and time resolution. Memory does not grow with the file.
public final class PcapReader {
    /// A frame's place in the file.
    public struct Record: Sendable, Equatable {
        /// Nanoseconds since 1970.
        public var time: UInt64
        /// Bytes of the frame.
        public var length: Int
    }

    public let path: String
    /// Frames read so far, so that an error can name the next one.
    public private(set) var frames = 0
    private let file: OpaquePointer
    private var isAtEnd = false

    /// Opens `path`, a regular file; `-` is the standard input, whatever that is.
    public init(path: String) throws(LinkError) {
        self.path = path
        let descriptor: Int32
        if path == "-" {
            descriptor = dup(0)
        } else {
            do throws(RegularFile.Refusal) { descriptor = try RegularFile.open(FilePath(path)).rawValue } catch {
                throw LinkError("\(path): \(error)")
            }
        }
        guard let stream = fdopen(descriptor, "rb") else {
            if descriptor >= 0 { Glibc.close(descriptor) }
            throw LinkError(path, .latest)
        }
        var message = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE) + 1)
        guard let file = pcap_fopen_offline_with_tstamp_precision(stream, UInt32(PCAP_TSTAMP_PRECISION_NANO), &message)
        else {
            fclose(stream)
            throw LinkError("\(path): \(message.withUnsafeBufferPointer { String(cString: $0.baseAddress!) })")
        }
        self.file = file
        let type = pcap_datalink(file)
        guard type == DLT_EN10MB else {
            let words = pcap_datalink_val_to_description(type).map { String(cString: $0) } ?? "link type \(type)"
            throw LinkError("\(path): holds \(words) frames; only Ethernet frames can be read")
        }
    }

    deinit { pcap_close(file) }

    /// Puts the next frame at the start of `buffer`; nil behind the last one.
    public func next(into buffer: Bytes) throws(LinkError) -> Record? {
        guard let (record, bytes) = try look() else { return nil }
        guard record.length <= buffer.count else {
            throw failure("has \(record.length) bytes, more than the \(buffer.count) that fit")
        }
        buffer.copy(bytes)
        frames += 1
        return record
    }

    /// The next frame with its bytes in an array; nil behind the last one.
    public func next() throws(LinkError) -> (record: Record, bytes: [UInt8])? {
        guard let (record, bytes) = try look() else { return nil }
        frames += 1
        return (record, bytes.array)
    }

    /// The next frame in libpcap's own buffer.
    private func look() throws(LinkError) -> (Record, Bytes)? {
        guard !isAtEnd else { return nil }
        var header: UnsafeMutablePointer<pcap_pkthdr>?
        var data: UnsafePointer<UInt8>?
        let result = pcap_next_ex(file, &header, &data)
        if result == PCAP_ERROR_BREAK {
            isAtEnd = true
            return nil
        }
        guard result == 1, let header = header?.pointee, let data else {
            isAtEnd = true
            throw failure(String(cString: pcap_geterr(file)))
        }
        guard header.caplen <= header.len else { throw failure("holds \(header.caplen) bytes of a frame of \(header.len)") }
        guard header.caplen == header.len else {
            throw failure("was captured only in part: \(header.caplen) of \(header.len) bytes (snapshot length)")
        }
        // A pcap file counts seconds in 32 unsigned bits, which libpcap hands over as signed.
        let seconds = header.ts.tv_sec < 0 ? Int(UInt32(truncatingIfNeeded: header.ts.tv_sec)) : header.ts.tv_sec
        guard seconds < 1 << 33, (0..<Int(second)).contains(header.ts.tv_usec) else {
            throw failure("has an impossible time")
        }
        let time = UInt64(seconds) * UInt64(second) + UInt64(header.ts.tv_usec)
        let bytes = Bytes(UnsafeMutableRawPointer(mutating: data), count: Int(header.caplen))
        return (Record(time: time, length: Int(header.caplen)), bytes)
    }

    private func failure(_ reason: String) -> LinkError { LinkError("\(path): frame \(frames + 1): \(reason)") }
}
