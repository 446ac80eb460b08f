import Glibc

/// Kernel parameters under /proc/sys, of the network namespace that the calling thread is in.
public enum Sysctl {
    /// The value of a parameter, its path below /proc/sys (`net/ipv4/ip_forward`) as file names: an interface's name may
    /// contain dots. `nil` when there is none.
    public static func read(_ path: String) -> String? {
        guard let bytes = contents("/proc/sys/" + path) else { return nil }
        return trimmed(bytes)
    }

    public static func number(_ path: String) -> Int? { read(path).flatMap { Int($0) } }

    /// Sets a parameter.
    public static func write(_ value: String, to path: String) throws(HostError) {
        let what = "set \(path.replacingSlashes) to \(value)"
        let file = open("/proc/sys/" + path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw HostError(what, errno: errno) }
        defer { close(file) }
        let bytes = Array(value.utf8)
        guard Glibc.write(file, bytes, bytes.count) == bytes.count else { throw HostError(what, errno: errno) }
    }

    /// The whole of a small file; `nil` when it cannot be read.
    static func contents(_ path: String) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while bytes.count < 1 << 20 {
            let count = Glibc.read(file, &piece, piece.count)
            if count == 0 { return bytes }
            guard count > 0 else { return nil }
            bytes += piece[..<count]
        }
        return bytes
    }

    private static func trimmed(_ bytes: [UInt8]) -> String {
        var text = bytes[...]
        while let last = text.last, last <= 32 { text.removeLast() }
        return String(decoding: text, as: UTF8.self)
    }
}

extension String {
    fileprivate var replacingSlashes: String { String(map { $0 == "/" ? "." : $0 }) }
}
