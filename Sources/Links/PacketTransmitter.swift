internal import CLinux
internal import Glibc
internal import Wire

/// The sending half of a live link: a socket of its own that receives nothing, and batched sends straight from the
/// memory that the frames lie in.
final class PacketTransmitter {
    let socket: PacketSocket
    private let packets: OpaquePointer
    private let entries: UnsafeMutablePointer<svs_packet>
    private static var capacity: Int { 64 }

    /// - Parameter socket: bound to its interface.
    init(_ socket: PacketSocket) throws(LinkError) {
        self.socket = socket
        guard let packets = svs_packets_new(UInt32(Self.capacity)) else {
            throw LinkError("interface \(socket.interfaceName): no memory for message headers")
        }
        self.packets = packets
        entries = svs_packets_entries(packets)
    }

    deinit { svs_packets_free(packets) }

    /// Sends the frames whose `egress` is `interface`. What a full queue or the interface does not take is counted and
    /// left out.
    func send(_ batch: borrowing Batch, through interface: Int32, counting counters: inout LinkCounters) {
        var queued = 0
        for index in 0..<batch.count where batch[index].egress == interface {
            queue(batch[index], at: queued)
            queued += 1
            if queued == Self.capacity {
                flush(queued, &counters)
                queued = 0
            }
        }
        if queued > 0 { flush(queued, &counters) }
    }

    private func queue(_ frame: borrowing Frame, at place: Int) {
        entries[place].frame = frame.bytes.base
        entries[place].length = UInt32(frame.count)
        var offload = frame.offload
        // Of the flags the kernel reads only this one; a header hint beyond the frame would be refused (EINVAL).
        offload.flags &= Offload.needsChecksum
        offload.headerLength = UInt16(min(Int(offload.headerLength), frame.count))
        withUnsafeMutableBytes(of: &entries[place].offload) { field in
            if let start = field.baseAddress { offload.write(to: Bytes(start, count: field.count)) }
        }
    }

    private func flush(_ queued: Int, _ counters: inout LinkCounters) {
        var first = 0
        var interruptions = 0
        while first < queued {
            let sent = svs_packets_send(packets, socket.descriptor, UInt32(first), UInt32(queued - first))
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
