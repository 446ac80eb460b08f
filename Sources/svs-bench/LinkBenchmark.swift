import ArgumentParser
import CBench
import CLinux
import Glibc
import Links
import Wire

/// `svs-bench link`: what it costs to take frames out of a ring and to hand them to a socket, beside the same in C.
struct LinkBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "link", abstract: "Nanoseconds a frame from a receive ring to a socket, beside the same in C.",
        discussion: """
            The ring is memory that is filled beforehand, and the socket's other end is emptied afterwards, both outside of the
            measurement; what is measured is the reader's work and sendmmsg(2). Rounds of both are interleaved.
            """)
    @Flag(help: "Print one JSON object.") var json = false
    @Option(help: "Rounds of each measurement.") var rounds = 15

    /// Frames of one round, which goes through the whole ring and so ends where it began, and of one batch.
    private static let frames = 1 << 14, batch = 64

    func run() throws {
        let course = try RingRace(batch: Self.batch)
        var swift: [Double] = [], c: [Double] = []
        for _ in 0...max(rounds, 3) {
            swift.append(try course.round(Self.frames, by: course.carry))
            c.append(try course.round(Self.frames, by: course.carryInC))
        }
        let (known, loop) = (swift.sorted()[swift.count / 2], c.sorted()[c.count / 2])
        let shown = [known, loop, known / loop].map { ($0 * 100).rounded() / 100 }
        if json {
            print("{\"frame_ns\": \(shown[0]), \"c_ns\": \(shown[1]), \"ratio\": \(shown[2])}")
        } else {
            print("frame ns  C ns  ratio\n\(shown[0])  \(shown[1])  \(shown[2])")
        }
    }
}

/// A ring in memory that a link reads, and a socket that it sends by.
private final class RingRace {
    private static let interface: Int32 = 1, length: UInt32 = 60
    private let shape: RingShape
    private let ring: UnsafeMutableRawPointer
    private let link: RingLink
    private let drain: Int32, sender: Int32
    // What is counted is the links' own work.
    @exclusivity(unchecked) private var batch: Batch
    private let sink: UnsafeMutableRawPointer
    private var next = 0
    private var slots: UInt32 { UInt32(shape.slots) }
    private var slotSize: UInt32 { UInt32(shape.slotSize) }

    init(batch count: Int) throws {
        guard let shape = RingShape(blocks: 128, slotSize: 2048) else { throw LinkError("no such ring") }
        self.shape = shape
        let memory = svs_memory_new("ring", UInt64(shape.bytes))
        var mapping: UnsafeMutableRawPointer?
        guard memory >= 0, svs_memory_map(dup(memory), UInt64(shape.bytes), &mapping) == 0, let mapping else {
            throw LinkError("no memory for a ring")
        }
        ring = mapping
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) == 0 else { throw LinkError("no socket pair") }
        (sender, drain) = (ends[0], ends[1])
        _ = svs_packet_queue(sender, 0, 4 << 20)
        func socket(_ descriptor: Int32, receives: Bool) -> PacketSocket {
            PacketSocket(adopting: descriptor, on: "memory", interface: Self.interface, receives: receives, rebinding: { nil })
        }
        link = try RingLink(
            LinkSockets(receiver: socket(memory, receives: true), sender: socket(dup(sender), receives: false), ring: shape), position: nil)
        batch = Batch(capacity: count)
        sink = .allocate(byteCount: 4096, alignment: 8)
    }

    deinit { sink.deallocate() }

    /// Nanoseconds a frame.
    func round(_ frames: Int, by carry: () throws -> Void) throws -> Double {
        var spent: UInt64 = 0
        for _ in 0..<frames / batch.capacity {
            cbench_ring_fill(ring, slots, slotSize, UInt32(next), UInt32(batch.capacity), Self.length)
            let start = svs_clock()
            try carry()
            spent += svs_clock() - start
            next = (next + batch.capacity) % shape.slots
            var carried = 0
            while recv(drain, sink, 4096, Int32(MSG_DONTWAIT)) > 0 { carried += 1 }
            guard carried == batch.capacity else { throw LinkError("only \(carried) frames of \(batch.capacity) went") }
        }
        return Double(spent) / Double(frames)
    }

    func carry() throws {
        batch.removeAll()
        try link.receive(into: &batch)
        for place in 0..<batch.count { batch[place].egress = Self.interface }
        try link.transmit(batch)
    }

    func carryInC() { _ = cbench_ring_carry(ring, slots, slotSize, UInt32(next), UInt32(batch.capacity), sender) }
}
