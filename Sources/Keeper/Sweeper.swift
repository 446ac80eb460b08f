internal import Admin
internal import CLinux
internal import Glibc
internal import Host
internal import Linux
internal import SystemPackage

/// A process that waits for the end of a keeper and its director, and then removes what the kernel does not: policy rules that lead
/// to a device which is gone, and the control sockets' files. A keeper that ends by itself leaves it nothing to do.
public final class Sweeper {
    /// The hidden command by which a keeper starts it, with the control sockets' paths behind it.
    public static let command = "sweep"
    /// Where it reads until all who hold `held` have ended.
    private static let end: Int32 = 3
    /// Microseconds between two looks at the rules.
    private static let pauses: [UInt32] = [10_000, 100_000, 1_000_000]

    /// To be held by whoever must have ended before anything is removed.
    let held: HeldDescriptor

    /// Starts it. It ends when this process has ended, and all to whom it gave a copy of `held`.
    init(_ program: String, sockets: [String]) throws(Errno) {
        var ends: [Int32] = [-1, -1]
        try Errno.check(svs_pipe(&ends))
        held = HeldDescriptor(ends[1])
        let read = HeldDescriptor(ends[0])
        _ = try Child.start(program, ["svs", Self.command] + sockets, [read.number])
    }

    /// What the process does.
    public static func run(sockets: [String]) throws {
        for signal in [SIGTERM, SIGINT, SIGHUP] { Glibc.signal(signal, SIG_IGN) }
        var byte: UInt8 = 0
        while true {
            let count = read(end, &byte, 1)
            if count == 0 { break }
            if count < 0, errno != EINTR { throw Errno(rawValue: errno) }
        }
        for path in sockets {
            let socket = svs_control_connect(path, 0)
            if socket >= 0 { close(socket) } else if socket == 0 &- ECONNREFUSED { unlink(path) }
        }
        // A rule is a dead director's when its device is gone, and that may go a moment after the process.
        for pause in Self.pauses {
            usleep(pause)
            _ = try OwnTrafficRouting()
        }
    }
}
