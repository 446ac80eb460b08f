internal import Glibc
public import Wire

/// Reads the file that stands beside a pcap file and holds one 10-byte virtio_net_hdr for each of its frames, in the same
/// order.
public final class VnetReader {
    public let path: String
    public private(set) var frames = 0
    private let file: ByteFile

    public init(path: String) throws(LinkError) {
        self.path = path
        file = try ByteFile(path: path, mode: "rb")
    }

    /// The next header; nil behind the last one.
    public func next() throws(LinkError) -> Offload? {
        var bytes = [UInt8](repeating: 0, count: Offload.length)
        let got = try file.read(into: &bytes)
        if got == 0 { return nil }
        guard got == Offload.length else {
            throw LinkError("\(path): header \(frames + 1): cut off after \(got) of \(Offload.length) bytes")
        }
        frames += 1
        return bytes.withBytes { Offload($0) }
    }
}

/// Writes such a file.
public final class VnetWriter {
    public let path: String
    private let file: ByteFile

    public init(path: String) throws(LinkError) {
        self.path = path
        file = try ByteFile(path: path, mode: "wb")
    }

    public func write(_ offload: Offload) throws(LinkError) {
        var bytes = [UInt8](repeating: 0, count: Offload.length)
        bytes.withBytes { offload.write(to: $0) }
        try file.write(bytes)
    }

    /// Completes the file; nothing can be written afterwards.
    public func close() throws(LinkError) { try file.close() }
}
