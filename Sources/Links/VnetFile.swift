internal import Linux
internal import SystemPackage
public import Wire

/// Reads the file that stands beside a pcap file and holds one 10-byte virtio_net_hdr for each of its frames, in the same
/// order.
public final class VnetReader {
    public let path: String
    public private(set) var frames = 0
    private let file: FileReader

    public init(path: String) throws(LinkError) {
        self.path = path
        do throws(RegularFile.Refusal) { file = FileReader(adopting: try RegularFile.open(FilePath(path))) } catch {
            throw LinkError("\(path): \(error)")
        }
    }

    /// The next header; nil behind the last one.
    public func next() throws(LinkError) -> Offload? {
        var bytes: [UInt8]
        do throws(Errno) { bytes = try file.next(Offload.length) } catch { throw LinkError(path, error) }
        if bytes.isEmpty { return nil }
        guard bytes.count == Offload.length else {
            throw LinkError("\(path): header \(frames + 1): cut off after \(bytes.count) of \(Offload.length) bytes")
        }
        frames += 1
        return bytes.withBytes { Offload($0) }
    }
}

/// Writes such a file.
public final class VnetWriter {
    public let path: String
    private let file: FileWriter

    public init(path: String) throws(LinkError) {
        self.path = path
        do throws(Errno) { file = try FileWriter(FilePath(path)) } catch { throw LinkError(path, error) }
    }

    public func write(_ offload: Offload) throws(LinkError) {
        var bytes = [UInt8](repeating: 0, count: Offload.length)
        bytes.withBytes { offload.write(to: $0) }
        do throws(Errno) { try file.write(bytes) } catch { throw LinkError(path, error) }
    }

    /// Completes the file; nothing can be written afterwards.
    public func close() throws(LinkError) {
        do throws(Errno) { try file.close() } catch { throw LinkError(path, error) }
    }
}
