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

    /// Refuses a folder that could not be made: one that is there, or whose own folder is not, or may not be written to.
    public static func checkNewFolder(_ path: String) throws(FileError) {
        guard access(path, F_OK) != 0 else { throw FileError(file: path, .fileExists) }
        var parent = path
        while parent.hasSuffix("/") { parent.removeLast() }
        parent = parent.lastIndex(of: "/").map { $0 == parent.startIndex ? "/" : String(parent[..<$0]) } ?? "."
        var status = stat()
        guard stat(parent, &status) == 0 else { throw FileError(file: parent, .latest) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw FileError(file: parent, .notDirectory) }
        guard access(parent, W_OK | X_OK) == 0 else { throw FileError(file: parent, .latest) }
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

    /// Refuses to write to a file that is read: it would be emptied before its end is known.
    public static func refuse(_ path: String, among inputs: [String]) throws(FileError) {
        var output = stat(), input = stat()
        guard stat(path, &output) == 0, output.st_mode & S_IFMT == S_IFREG else { return }
        for name in inputs where stat(name, &input) == 0 && (input.st_dev, input.st_ino) == (output.st_dev, output.st_ino) {
            throw FileError(file: path, text: "is read as \(name): writing to it would destroy what it holds")
        }
    }
}
