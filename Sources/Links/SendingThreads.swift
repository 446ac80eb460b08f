internal import CLinux
public import Wire

/// Threads that share the sending of frames: those of a flow always leave by the same one, in order.
///
/// Belongs to the thread that directs. A batch that is handed over gets a number; when the batch of that number and all before it
/// are sent, their buffers are free again.
public final class SendingThreads {
    private let threads: [SendingThread]
    /// How much each thread had been given when a batch was complete: a line for each of the last batches.
    private let marks = Slab<UInt64>(capacity: most * mostThreads)
    /// Number of the last batch that was handed over, and of the last one that is known to be sent.
    @exclusivity(unchecked) public private(set) var handed: UInt64 = 0
    @exclusivity(unchecked) private var over: UInt64 = 0
    /// Interfaces that they send through.
    @exclusivity(unchecked) private var interfaces: [Int32] = []

    public static var mostThreads: Int { 16 }
    /// Batches that may be under way.
    private static var most: Int { 16 }

    /// - Parameter processors: those that the threads run on, one each; fewer are used again in turn, none leaves it to the kernel.
    public init(_ count: Int, on processors: [Int] = []) throws(LinkError) {
        precondition((1...Self.mostThreads).contains(count))
        var begun: [SendingThread] = []
        do throws(LinkError) {
            for number in 0..<count {
                let thread = try SendingThread(named: "svs-io-\(number)")
                begun.append(thread)
                if !processors.isEmpty { try thread.pin(to: processors[number % processors.count]) }
            }
        } catch {
            for thread in begun { thread.end() }
            throw error
        }
        threads = begun
    }

    deinit { for thread in threads { thread.end() } }

    /// Sends through the sockets of these links from now on, as far as they have some, and through no others.
    public func use(_ links: [any Link]) {
        drain()
        var sockets: [(interface: Int32, socket: PacketSocket)] = []
        for link in links {
            guard let socket = link.sendingSocket, !sockets.contains(where: { $0.interface == link.interface }) else { continue }
            sockets.append((link.interface, socket))
        }
        for thread in threads { thread.use(sockets) }
        interfaces = sockets.map(\.interface)
    }

    /// Whether they send what leaves by this interface.
    @inline(__always)
    public func reach(_ interface: Int32) -> Bool { interfaces.contains(interface) }

    /// Takes over the frames of a batch that leave by interfaces which they reach. Their buffers may not be touched until
    /// `isOver` says so of the number that this returns.
    public func send(_ batch: borrowing Batch) -> UInt64 {
        if handed &- over == UInt64(Self.most) { waitFor(over &+ 1) }
        for index in 0..<batch.count {
            let frame = batch[index]
            guard frame.egress != 0, reach(frame.egress) else { continue }
            threads[place(of: frame)].give(frame)
        }
        handed &+= 1
        let line = Int(handed % UInt64(Self.most)) * Self.mostThreads
        for place in threads.indices {
            threads[place].tell()
            marks[line &+ place] = threads[place].given
        }
        return handed
    }

    /// Whether the batch of this number is sent.
    public func isOver(_ number: UInt64) -> Bool {
        while over < number, isSent(over &+ 1) { over &+= 1 }
        return number <= over
    }

    private func isSent(_ number: UInt64) -> Bool {
        let line = Int(number % UInt64(Self.most)) * Self.mostThreads
        for place in threads.indices where threads[place].sent < marks[line &+ place] { return false }
        return true
    }

    /// Waits until the batch of this number is sent.
    public func waitFor(_ number: UInt64) {
        guard !isOver(number) else { return }
        let line = Int(number % UInt64(Self.most)) * Self.mostThreads
        for place in threads.indices { threads[place].waitFor(marks[line &+ place]) }
        over = number
    }

    /// Waits until everything is sent.
    public func drain() { waitFor(handed) }

    /// What they have sent by a socket since they use it, whatever number its interface has had.
    public func counters(of socket: PacketSocket) -> LinkCounters {
        drain()
        var sum = LinkCounters()
        for thread in threads { sum.add(thread.counters(of: socket)) }
        return sum
    }

    @inline(__always)
    private func place(of frame: Frame) -> Int { threads.count == 1 ? 0 : Self.place(frame.bytes.flowSpread, among: threads.count) }

    @inline(__always)
    private static func place(_ spread: UInt32, among count: Int) -> Int {
        Int(truncatingIfNeeded: (UInt64(spread) &* UInt64(count)) >> 32)
    }

    /// Which of `count` threads a frame leaves by.
    static func place(of frame: Bytes, among count: Int) -> Int { place(frame.flowSpread, among: count) }
}
