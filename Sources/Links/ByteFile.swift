internal import Glibc

/// A buffered file of bytes, closed when it is let go of.
final class ByteFile {
    let path: String
    private var stream: UnsafeMutablePointer<FILE>?

    init(path: String, mode: String) throws(LinkError) {
        self.path = path
        stream = fopen(path, mode)
        if stream == nil { throw failure() }
    }

    deinit { if let stream { fclose(stream) } }

    /// Fills `bytes` as far as the file reaches; how many there were.
    func read(into bytes: inout [UInt8]) throws(LinkError) -> Int {
        guard let stream else { return 0 }
        let got = fread(&bytes, 1, bytes.count, stream)
        if got < bytes.count, ferror(stream) != 0 { throw failure() }
        return got
    }

    func write(_ bytes: [UInt8]) throws(LinkError) {
        guard let stream else { throw LinkError("\(path): is closed") }
        guard fwrite(bytes, 1, bytes.count, stream) == bytes.count else { throw failure() }
    }

    func close() throws(LinkError) {
        guard let stream else { return }
        self.stream = nil
        guard fclose(stream) == 0 else { throw failure() }
    }

    private func failure() -> LinkError { LinkError("\(path): \(String(cString: strerror(errno)))") }
}
