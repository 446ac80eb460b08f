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

/// A process that this one starts.
enum Child {
    /// Starts `program` with these arguments, the first of which is its name, and these descriptors from 3 on.
    /// - Returns: its number.
    static func start(_ program: String, _ arguments: [String], _ descriptors: [Int32]) throws(Errno) -> Int32 {
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        let number = svs_spawn(program, &words, descriptors, Int32(descriptors.count))
        try Errno.check(number)
        return number
    }

    /// How it has ended.
    enum End: Equatable, CustomStringConvertible {
        case exit(Int32)
        case signal(Int32)

        /// - Parameter status: as wait(2) has it.
        init(_ status: Int32) { self = status & 0x7f == 0 ? .exit(status >> 8 & 0xff) : .signal(status & 0x7f) }

        var description: String {
            switch self {
            case .exit(let status): "exit status \(status)"
            case .signal(let number): "killed by signal \(number)"
            }
        }
    }
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
        number = try Child.start(program, arguments, [engine.descriptor, reader.descriptor] + memory)
        (channel, files) = (own, ownFiles)
        started = now
    }

    /// How it has ended; `nil` while it lives.
    func end() -> Child.End? {
        var status: Int32 = 0
        return svs_reap(number, &status) == 0 ? nil : Child.End(status)
    }

    func send(_ signal: Int32) { _ = svs_signal(number, signal) }
}
