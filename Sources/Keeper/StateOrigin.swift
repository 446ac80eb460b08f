internal import CLinux
internal import Glibc
internal import Linux
internal import Runtime
internal import SystemPackage

/// Machine, boot and network namespace of this process.
enum StateOrigin {
    /// 32 bytes: the boot's id, the namespace's cookie, zeros.
    static func here() throws(RunError) -> [UInt8] {
        let path = "/proc/sys/kernel/random/boot_id"
        var cookie: UInt64 = 0
        let failure = svs_network_cookie(&cookie)
        guard failure == 0 else { throw RunError("number of the network namespace: \(Errno(rawValue: -failure))") }
        let text = try bootID(path)
        let digits = text.filter(\.isHexDigit).map { UInt8($0.hexDigitValue ?? 0) }
        guard digits.count == 32 else { throw RunError("\(path): '\(text)' is no id") }
        let boot = (0..<16).map { digits[2 * $0] << 4 | digits[2 * $0 + 1] }
        return boot + withUnsafeBytes(of: cookie.littleEndian) { Array($0) } + [UInt8](repeating: 0, count: 8)
    }

    private static func bootID(_ path: String) throws(RunError) -> String {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw RunError("\(path): \(Errno(rawValue: errno))") }
        return String(decoding: HeldDescriptor(descriptor).beginning(of: 64), as: UTF8.self)
    }
}
