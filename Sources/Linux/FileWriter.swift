public import SystemPackage

/// A file that is made, or emptied, and written from its beginning to its end through a buffer.
public final class FileWriter {
    private let file: FileDescriptor
    private var isOpen = true
    private var buffer: [UInt8] = []
    /// Bytes that are written together.
    private static let room = 1 << 16

    /// Makes or empties the file (mode 0666 less the umask).
    public init(_ path: FilePath) throws(Errno) {
        file = try withErrno {
            try FileDescriptor.open(path, .writeOnly, options: [.create, .truncate, .closeOnExec], permissions: Self.permissions)
        }
    }

    private static var permissions: FilePermissions { [.ownerReadWrite, .groupReadWrite, .otherReadWrite] }

    /// What is not written out yet is lost.
    deinit { if isOpen { try? file.close() } }

    /// Appends bytes.
    public func write(_ bytes: some Collection<UInt8>) throws(Errno) {
        guard isOpen else { throw .badFileDescriptor }
        buffer += bytes
        if buffer.count >= Self.room { try flush() }
    }

    /// Writes out the rest; nothing can be written afterwards.
    public func close() throws(Errno) {
        guard isOpen else { return }
        try flush()
        isOpen = false
        try withErrno { try file.close() }
    }

    private func flush() throws(Errno) {
        try withErrno { _ = try file.writeAll(buffer) }
        buffer.removeAll(keepingCapacity: true)
    }

    /// Writes to a file that is there, in one piece, as the kernel wants its parameters.
    public static func overwrite(_ path: FilePath, with bytes: some Sequence<UInt8>) throws(Errno) {
        try withErrno {
            let file = try FileDescriptor.open(path, .writeOnly, options: .closeOnExec)
            _ = try file.closeAfter { try file.writeAll(bytes) }
        }
    }

    /// A whole file at once.
    public static func write(_ bytes: some Collection<UInt8>, to path: FilePath) throws(Errno) {
        let file = try FileWriter(path)
        try file.write(bytes)
        try file.close()
    }
}
