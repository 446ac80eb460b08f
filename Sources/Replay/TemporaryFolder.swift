internal import Admin
internal import Glibc
internal import Linux
internal import SystemPackage

/// A folder in the system's place for such things, gone with everything in it when nobody refers to it any more.
final class TemporaryFolder {
    let path: String

    init() throws(FileError) {
        let place = getenv("TMPDIR").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        var template = Array((place + "/svs.XXXXXX").utf8CString)
        guard template.withUnsafeMutableBufferPointer({ mkdtemp($0.baseAddress!) }) != nil else {
            throw FileError(file: place, .latest)
        }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    deinit { Self.remove(path) }

    private static func remove(_ path: String) {
        for name in (try? CaseFiles.names(in: path)) ?? [] where name != "." && name != ".." {
            let one = path + "/" + name
            var status = stat()
            if lstat(one, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { remove(one) } else { unlink(one) }
        }
        rmdir(path)
    }
}
