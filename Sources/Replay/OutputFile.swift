public import Admin
internal import Glibc
internal import Linux
internal import SystemPackage

/// Text files and folders that are made.
public enum OutputFile {
    /// Makes a folder, unless it is there.
    static func makeFolder(_ path: String) throws(FileError) {
        if mkdir(path, 0o755) != 0, errno != EEXIST { throw FileError(file: path, .latest) }
    }

    /// Makes a folder that must not be there yet.
    public static func makeNewFolder(_ path: String) throws(FileError) {
        if mkdir(path, 0o755) != 0 { throw FileError(file: path, .latest) }
    }

    /// Makes or empties a file and writes all of `text`.
    public static func write(_ text: String, to path: String) throws(FileError) {
        do throws(Errno) { try FileWriter.write(text.utf8, to: FilePath(path)) } catch { throw FileError(file: path, error) }
    }

    static func rename(_ path: String, to other: String) throws(FileError) {
        if Glibc.rename(path, other) != 0 { throw FileError(file: other, .latest) }
    }
}
