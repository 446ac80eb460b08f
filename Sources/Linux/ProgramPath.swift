internal import Glibc

/// Where programs are found.
public enum ProgramPath {
    /// The path by which this program was started, so that another version of it is found there one day; where that cannot be
    /// told, the file that it is.
    /// - Parameter word: the first word of its command line.
    public static func own(_ word: String) -> String {
        let folders = word.contains("/") ? [""] : (getenv("PATH").map { String(cString: $0) } ?? "").split(separator: ":").map { "\($0)/" }
        for folder in folders {
            let path = absolute(folder + word)
            if isSame(path, "/proc/self/exe") { return path }
        }
        return destination("/proc/self/exe") ?? word
    }

    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
        defer { free(folder) }
        return "\(String(cString: folder))/\(path)"
    }

    private static func isSame(_ one: String, _ other: String) -> Bool {
        var first = stat(), second = stat()
        return stat(one, &first) == 0 && stat(other, &second) == 0 && first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }

    private static func destination(_ link: String) -> String? {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink(link, &path, path.count - 1)
        guard length > 0 else { return nil }
        return String(decoding: path.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
