internal import CLinux
internal import Glibc
internal import Wire

/// The sending half of a live link: a socket of its own that receives nothing, and batched sends straight from the
/// memory that the frames lie in.
///
/// The offload header belongs in front of a frame. Where the frame has room there, and all but a few have, it is written into
/// that, because a message of one piece is cheaper for the kernel than one of two.
final class PacketTransmitter {
    let socket: PacketSocket
    private let messages = Slab<svs_message>(capacity: capacity)
    /// Two for each message.
    private let pieces = Slab<svs_piece>(capacity: 2 * capacity)
    /// Headers of frames that have no room in front.
    private let headers = Slab<svs_offload>(capacity: capacity)
    private static var capacity: Int { 256 }

    /// - Parameter socket: bound to its interface.
    init(_ socket: PacketSocket) {
        self.socket = socket
        for place in 0..<Self.capacity { messages[place].pieces = pieces.mutableAddress(checked: 2 * place) }
    }

    /// Sends the frames whose `egress` is `interface`. What a full queue or the interface does not take is counted and
    /// left out.
    func send(_ batch: borrowing Batch, through interface: Int32, counting counters: inout LinkCounters) {
        var queued = 0
        for index in 0..<batch.count where batch[index].egress == interface {
            queue(batch[index], at: queued)
            queued &+= 1
            if queued == Self.capacity {
                flush(queued, &counters)
                queued = 0
            }
        }
        if queued > 0 { flush(queued, &counters) }
    }

    @inline(__always)
    private func queue(_ frame: Frame, at place: Int) {
        let header = frame.offload.isBare ? svs_offload() : svs_offload(sending: frame.offload, with: frame.count)
        let size = MemoryLayout<svs_offload>.size
        guard frame.headroom >= Int32(size) else { return queueInTwo(frame, header, at: place) }
        let start = frame.bytes.base - size
        start.storeBytes(of: header, as: svs_offload.self)
        pieces[2 &* place] = svs_piece(start: start, length: UInt64(frame.count &+ size))
        messages[place].piece_count = 1
    }

    @inline(never)
    private func queueInTwo(_ frame: Frame, _ header: svs_offload, at place: Int) {
        headers[place] = header
        pieces[2 * place] = svs_piece(start: headers.mutableAddress(checked: place), length: UInt64(MemoryLayout<svs_offload>.size))
        pieces[2 * place + 1] = svs_piece(start: frame.bytes.base, length: UInt64(frame.count))
        messages[place].piece_count = 2
    }

    private func flush(_ queued: Int, _ counters: inout LinkCounters) {
        var first = 0
        var interruptions = 0
        while first < queued {
            let sent = svs_messages_send(socket.descriptor, messages.mutableAddress(checked: first), UInt32(queued - first))
            if sent > 0 {
                first += Int(sent)
                counters.sent &+= UInt64(sent)
                continue
            }
            switch -sent {
            case EINTR where interruptions < 16:
                interruptions += 1
            case ENOBUFS, EAGAIN, EINTR:
                counters.queueFull &+= 1
                first += 1
            case ENETDOWN, ENXIO, ENODEV:
                counters.refused &+= UInt64(queued - first)
                return
            default:
                counters.refused &+= 1
                first += 1
            }
        }
    }
}
