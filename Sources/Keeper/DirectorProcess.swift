internal import CLinux
internal import Glibc
internal import LVS
internal import Linux
internal import SystemPackage
internal import Wire

/// Descriptors that a director begins with, behind the standard ones, in this order.
public enum DirectorDescriptor {
    /// Of `memory` there are several, as `HeldMemory` says.
    public static let channel: Int32 = 3, files: Int32 = 4, memory: Int32 = 5
}

/// A director that this process has started.
final class DirectorProcess {
    let number: Int32
    /// For what the engine asks, and for what the thread asks that reads files.
    let channel: Channel
    let files: Channel
    let started: Instant
    /// It has said that frames are directed.
    var isWorking = false
    /// … and that there was one.
    var hadFrames = false

    /// When it is killed unless it has ended.
    var deadline: Instant?

    /// Starts `program` with these arguments, the first of which is its name, and with the memory's descriptors.
    init(_ program: String, _ arguments: [String], _ memory: [Int32], at now: Instant) throws(Errno) {
        let (own, engine) = try Channel.pair()
        let (ownFiles, reader) = try Channel.pair()
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        number = svs_spawn(
            program, &words, [engine.descriptor, reader.descriptor] + memory, Int32(2 + memory.count))
        try Errno.check(number)
        (channel, files) = (own, ownFiles)
        started = now
    }

    /// How it has ended; `nil` while it lives.
    func end() -> End? {
        var status: Int32 = 0
        guard svs_reap(number, &status) != 0 else { return nil }
        return status & 0x7f == 0 ? .exit(status >> 8 & 0xff) : .signal(status & 0x7f)
    }

    func send(_ signal: Int32) { _ = svs_signal(number, signal) }

    enum End: Equatable, CustomStringConvertible {
        case exit(Int32)
        case signal(Int32)

        var description: String {
            switch self {
            case .exit(let status): "exit status \(status)"
            case .signal(let number): "killed by signal \(number)"
            }
        }
    }
}
