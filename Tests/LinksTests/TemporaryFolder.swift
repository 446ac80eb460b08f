import Glibc

/// A folder that vanishes with its last user.
final class TemporaryFolder {
    let path: String

    init() {
        var template = Array("/tmp/svs-links-XXXXXX".utf8CString)
        path = mkdtemp(&template).map { String(cString: $0) } ?? "/nonexistent"
    }

    deinit {
        for name in names { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    private var names: [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var found: [String] = []
        while let entry = readdir(folder) {
            found.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return found
    }

    /// Writes a file and returns its path.
    func file(_ name: String, _ bytes: [UInt8]) -> String {
        let file = "\(path)/\(name)"
        guard let stream = fopen(file, "wb") else { return file }
        fwrite(bytes, 1, bytes.count, stream)
        fclose(stream)
        return file
    }

    func read(_ name: String) -> [UInt8] {
        guard let stream = fopen("\(path)/\(name)", "rb") else { return [] }
        defer { fclose(stream) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, stream)
        return Array(bytes.prefix(count))
    }
}
