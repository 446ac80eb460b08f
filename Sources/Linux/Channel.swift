internal import CLinux
internal import Glibc
public import SystemPackage

/// A descriptor that is closed with its last holder.
public final class HeldDescriptor: Sendable {
    public let number: Int32
    public init(_ number: Int32) { self.number = number }
    deinit { close(number) }

    /// A copy of the descriptor that belongs to the caller.
    public func copy() -> Int32 { fcntl(number, F_DUPFD_CLOEXEC, 3) }
}

/// One end of a connection between two processes that belong together: messages in order, each with the descriptors that belong to it.
/// A long message travels in a memory file, so that no message is too long.
public final class Channel: @unchecked Sendable {
    /// Something that came.
    public struct Message: Sendable {
        public var bytes: [UInt8]
        public var descriptors: [HeldDescriptor]
    }

    public let descriptor: Int32
    private var buffer = [UInt8](repeating: 0, count: Channel.longestDatagram)
    /// Longer ones go into a memory file.
    private static let longestDatagram = 1 << 16
    /// Bytes of the longest message.
    public static let longest = 64 << 20
    private static let mostDescriptors = 8

    /// - Parameter descriptor: one end of a pair, from now on this one's.
    init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// The number of an end that somebody has handed over; `nil` when the descriptor is something else.
    public convenience init?(adopting descriptor: Int32) {
        guard svs_channel_is(descriptor) == 1 else { return nil }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        self.init(descriptor)
    }

    /// Two ends that are connected.
    public static func pair() throws(Errno) -> (Channel, Channel) {
        var ends: [Int32] = [-1, -1]
        try Errno.check(svs_channel_pair(&ends))
        return (Channel(ends[0]), Channel(ends[1]))
    }

    /// Sends a message, with at most seven descriptors, which stay the caller's.
    /// - Parameter waits: whether to wait for room; without it `Errno.wouldBlock` says that there is none.
    public func send(_ bytes: [UInt8], _ descriptors: [Int32] = [], waits: Bool) throws(Errno) {
        guard bytes.count >= Self.longestDatagram else {
            return try Errno.check(
                svs_channel_send(
                    descriptor, [Form.short.rawValue] + bytes, bytes.count + 1, descriptors, Int32(descriptors.count), waits ? 1 : 0))
        }
        guard bytes.count <= Self.longest else { throw .messageTooLong }
        let memory = svs_memory_new("svs message", UInt64(bytes.count))
        try Errno.check(memory)
        defer { close(memory) }
        // By its position, as a director may write; who receives it reads from the beginning.
        try withErrno { _ = try FileDescriptor(rawValue: memory).writeAll(bytes) }
        try Errno.check(
            svs_channel_send(descriptor, [Form.long.rawValue], 1, descriptors + [memory], Int32(descriptors.count + 1), waits ? 1 : 0))
    }

    /// The next message; `nil` when there is none and `waits` is false.
    /// - Throws: `Errno.connectionReset` when the other end is gone, `Errno.badMessage` when something else came than a message.
    public func receive(waits: Bool) throws(Errno) -> Message? {
        var numbers = [Int32](repeating: -1, count: Self.mostDescriptors)
        var count = Int32(numbers.count)
        let length = svs_channel_receive(descriptor, &buffer, buffer.count, &numbers, &count, waits ? 1 : 0)
        var descriptors = numbers.prefix(Int(count)).map { HeldDescriptor($0) }
        if length == -Int(EAGAIN) { return nil }
        if length < 0 { throw Errno(rawValue: Int32(clamping: -length)) }
        guard length > 0 else { throw .connectionReset }
        switch Form(rawValue: buffer[0]) {
        case .short: return Message(bytes: Array(buffer[1..<length]), descriptors: descriptors)
        case .long where length == 1:
            guard let memory = descriptors.popLast() else { throw .badMessage }
            return Message(bytes: try Self.contents(of: memory), descriptors: descriptors)
        default: throw .badMessage
        }
    }

    private enum Form: UInt8 { case short = 0, long = 1 }

    /// What a memory file holds now; whoever made it may still change it, so it is read once.
    private static func contents(of memory: HeldDescriptor) throws(Errno) -> [UInt8] {
        let size = svs_memory_size(memory.number)
        guard (0...Int64(longest)).contains(size) else { throw .badMessage }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        let count = try withErrno {
            try bytes.withUnsafeMutableBytes { try FileDescriptor(rawValue: memory.number).read(fromAbsoluteOffset: 0, into: $0) }
        }
        guard count == bytes.count else { throw .badMessage }
        return bytes
    }
}

extension Errno {
    /// - Parameter result: a negative errno, or what succeeded.
    public static func check(_ result: Int32) throws(Errno) {
        if result < 0 { throw Errno(rawValue: 0 &- result) }
    }
}
