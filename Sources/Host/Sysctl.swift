import Linux
import SystemPackage

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
        do throws(Errno) { try FileWriter.overwrite(FilePath("/proc/sys/" + path), with: value.utf8) } catch {
            throw HostError(what, errno: error.rawValue)
        }
    }

    /// The whole of a small file; `nil` when it cannot be read.
    static func contents(_ path: String) -> [UInt8]? { try? FileReader(FilePath(path)).all() }

    private static func trimmed(_ bytes: [UInt8]) -> String {
        var text = bytes[...]
        while let last = text.last, last <= 32 { text.removeLast() }
        return String(decoding: text, as: UTF8.self)
    }
}

extension String {
    fileprivate var replacingSlashes: String { String(map { $0 == "/" ? "." : $0 }) }
}
