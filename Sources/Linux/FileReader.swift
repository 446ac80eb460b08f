public import SystemPackage

/// A file that is read from its beginning to its end through a buffer.
public final class FileReader {
    private let file: FileDescriptor
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)
    private var rest = 0..<0

    public convenience init(_ path: FilePath) throws(Errno) { self.init(adopting: try Self.open(path)) }

    /// Opens a file for a reader.
    public static func open(_ path: FilePath) throws(Errno) -> FileDescriptor {
        try withErrno { try FileDescriptor.open(path, .readOnly, options: .closeOnExec) }
    }

    /// Reads what another opened; the descriptor is closed with this reader.
    public init(adopting file: FileDescriptor) { self.file = file }

    deinit { try? file.close() }

    /// The next `count` bytes; fewer at the end of the file.
    public func next(_ count: Int) throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            if rest.isEmpty {
                let isMore = try fill()
                guard isMore else { break }
            }
            let taken = rest.prefix(count - bytes.count)
            bytes += buffer[taken]
            rest = rest.dropFirst(taken.count)
        }
        return bytes
    }

    /// Everything up to the end.
    public func all() throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        repeat {
            bytes += buffer[rest]
            rest = 0..<0
        } while try fill()
        return bytes
    }

    /// What can be had at once, at least a byte; nothing at the end of the file.
    public func some() throws(Errno) -> [UInt8] {
        if rest.isEmpty { _ = try fill() }
        defer { rest = 0..<0 }
        return Array(buffer[rest])
    }

    private func fill() throws(Errno) -> Bool {
        let count = try withErrno { try buffer.withUnsafeMutableBytes { try file.read(into: $0) } }
        rest = 0..<count
        return count > 0
    }
}

/// What `body` throws, which is swift-system and throws nothing else, as the `Errno` that it is.
public func withErrno<Result>(_ body: () throws -> Result) throws(Errno) -> Result {
    do { return try body() } catch { throw error as? Errno ?? .ioError }
}
