public import Admin
internal import Glibc

/// Text files and folders that are made.
public enum OutputFile {
    /// Makes a folder, unless it is there.
    static func makeFolder(_ path: String) throws(FileError) {
        if mkdir(path, 0o755) != 0, errno != EEXIST { throw FileError(file: path, text: String(cString: strerror(errno))) }
    }

    /// Makes or empties a file and writes all of `text`.
    static func write(_ text: String, to path: String) throws(FileError) {
        guard let file = fopen(path, "w") else { throw FileError(file: path, text: String(cString: strerror(errno))) }
        let bytes = Array(text.utf8)
        let isWritten = fwrite(bytes, 1, bytes.count, file) == bytes.count
        guard fclose(file) == 0, isWritten else { throw FileError(file: path, text: String(cString: strerror(errno))) }
    }
}

extension OutputFile {
    /// Makes a folder that must not be there yet.
    static func makeNewFolder(_ path: String) throws(FileError) {
        if mkdir(path, 0o755) != 0 { throw FileError(file: path, text: String(cString: strerror(errno))) }
    }

    static func rename(_ path: String, to other: String) throws(FileError) {
        if Glibc.rename(path, other) != 0 { throw FileError(file: other, text: String(cString: strerror(errno))) }
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
