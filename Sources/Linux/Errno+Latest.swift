internal import Glibc
public import SystemPackage

extension Errno {
    /// What the C library's last failing function left in `errno` on this thread.
    public static var latest: Errno { Errno(rawValue: errno) }
}
