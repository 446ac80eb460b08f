internal import Glibc
public import SystemPackage

/// Opens files that end: a pipe, a device or a directory behind the name would keep its reader for ever or fill its memory.
public enum RegularFile {
    /// Bytes of the longest text that is read.
    public static let longestText = 64 << 20

    /// Why a file is not read.
    public enum Refusal: Error, Hashable, Sendable, CustomStringConvertible {
        /// The system's answer.
        case system(Errno)
        /// What stands there instead of a file.
        case kind(String)
        /// More bytes than this.
        case tooLong(Int)

        public var description: String {
            switch self {
            case .system(let error): "\(error)"
            case .kind(let kind): "is \(kind), not a regular file"
            case .tooLong(let limit): "is longer than \(limit >> 20) MB"
            }
        }
    }

    /// Opens a regular file for reading, also behind links; nothing that stands there instead is waited for.
    /// - Parameter limit: bytes of the longest file.
    public static func open(_ path: FilePath, limit: Int = .max) throws(Refusal) -> FileDescriptor {
        let file: FileDescriptor
        // A pipe without a writer opens at once so.
        do throws(Errno) {
            file = try withErrno { try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .nonBlocking]) }
        } catch { throw error == .noSuchAddressOrDevice ? .kind("a socket") : .system(error) }
        do throws(Refusal) { try check(file, limit: limit) } catch {
            try? file.close()
            throw error
        }
        return file
    }

    /// Whether what is open is a regular file of no more than so many bytes.
    public static func check(_ file: FileDescriptor, limit: Int = .max) throws(Refusal) {
        var facts = stat()
        guard fstat(file.rawValue, &facts) == 0 else { throw .system(Errno(rawValue: errno)) }
        guard facts.st_mode & S_IFMT == S_IFREG else { throw .kind(kind(facts.st_mode)) }
        guard facts.st_size <= limit else { throw .tooLong(limit) }
    }

    private static func kind(_ mode: mode_t) -> String {
        switch mode & S_IFMT {
        case S_IFIFO: "a pipe"
        case S_IFDIR: "a directory"
        case S_IFSOCK: "a socket"
        case S_IFCHR, S_IFBLK: "a device"
        default: "something else"
        }
    }

    /// All of an open file, which is closed. What grows beyond the limit while it is read is refused as well.
    public static func bytes(_ file: FileDescriptor, limit: Int = longestText) throws(Refusal) -> [UInt8] {
        let reader = FileReader(adopting: file)
        var bytes: [UInt8] = []
        do throws(Errno) { bytes = try reader.next(limit + 1) } catch { throw .system(error) }
        guard bytes.count <= limit else { throw .tooLong(limit) }
        return bytes
    }
}
