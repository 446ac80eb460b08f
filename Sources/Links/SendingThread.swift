internal import CLinux
internal import Linux
internal import SystemPackage
internal import Wire

/// A thread that sends frames from where they lie, in the order in which another thread gives them to it.
///
/// All methods belong to the thread that gives. What they change is looked at by the sending one only while it has frames,
/// and those become known to it with `tell`.
final class SendingThread: @unchecked Sendable {
    /// An interface that frames leave by, and how.
    private final class Way {
        @exclusivity(unchecked) var interface: Int32
        let transmitter: PacketTransmitter
        @exclusivity(unchecked) var counters = LinkCounters()

        init(_ interface: Int32, _ socket: PacketSocket) {
            self.interface = interface
            transmitter = PacketTransmitter(socket)
        }
    }

    private let lane = Slab<svs_lane>(capacity: 1)
    private let frames = Slab<Frame>(capacity: capacity)
    /// Frames that stand in their places.
    @exclusivity(unchecked) private(set) var given: UInt64 = 0
    /// Those of them that it knows of.
    @exclusivity(unchecked) private var told: UInt64 = 0
    @exclusivity(unchecked) private var ways: [Way] = []
    private var thread: BackgroundThread?

    private static var capacity: Int { 1024 }
    /// Frames of one round at most.
    private static var round: Int { 256 }

    /// - Parameter name: what it is called where threads are listed; 15 bytes of it.
    init(named name: String) throws(LinkError) {
        do throws(Errno) {
            thread = try BackgroundThread { [self] in
                BackgroundThread.nameCurrent(name)
                run()
            }
        } catch { throw LinkError("starting a thread that sends", error) }
    }

    /// Lets it run on one processor only.
    func pin(to processor: Int) throws(LinkError) {
        do throws(Errno) { try thread?.pin(to: processor) } catch { throw LinkError("processor \(processor)", error) }
    }

    /// Sends what it has and ends.
    func end() {
        tell()
        svs_lane_end(lane.mutableAddress(checked: 0))
        thread?.join()
        thread = nil
    }

    /// Frames of which the buffers are free again.
    @inline(__always)
    var sent: UInt64 { svs_lane_emptied(lane.mutableAddress(checked: 0)) }

    /// Gives it a frame that leaves by one of its interfaces. The buffer is its own until the frame is sent.
    @inline(__always)
    func give(_ frame: Frame) {
        if given &- sent == UInt64(Self.capacity) { makeRoom() }
        frames[Int(given & UInt64(Self.capacity &- 1))] = frame
        given &+= 1
    }

    @inline(never)
    private func makeRoom() {
        tell()
        waitFor(given &- UInt64(Self.capacity) &+ 1)
    }

    /// Lets it know of what it was given since; one that was given nothing is not woken.
    @inline(__always)
    func tell() {
        guard told != given else { return }
        told = given
        svs_lane_fill(lane.mutableAddress(checked: 0), given)
    }

    /// Waits until so many of the frames given to it are sent.
    func waitFor(_ count: UInt64) {
        if sent < count { svs_lane_await_emptied(lane.mutableAddress(checked: 0), count) }
    }

    /// Sends through these from now on, and through no others.
    /// - Precondition: everything is sent.
    func use(_ sockets: [(interface: Int32, socket: PacketSocket)]) {
        ways = sockets.map { interface, socket in
            guard let way = ways.first(where: { $0.transmitter.socket === socket }) else { return Way(interface, socket) }
            // An interface that was made anew has another number, and what was counted before goes on.
            way.interface = interface
            return way
        }
    }

    /// What has left by a socket.
    /// - Precondition: everything is sent.
    func counters(of socket: PacketSocket) -> LinkCounters { ways.first { $0.transmitter.socket === socket }?.counters ?? LinkCounters() }

    private func run() {
        var batch = Batch(capacity: Self.round)
        var done: UInt64 = 0
        while true {
            let filled = svs_lane_await_filled(lane.mutableAddress(checked: 0), done)
            guard filled != done else { return }
            batch.removeAll()
            for _ in 0..<min(Int(filled &- done), Self.round) {
                batch.append(frames[Int(done & UInt64(Self.capacity &- 1))])
                done &+= 1
            }
            for way in ways { way.transmitter.send(batch, through: way.interface, counting: &way.counters) }
            svs_lane_empty(lane.mutableAddress(checked: 0), done)
        }
    }
}
