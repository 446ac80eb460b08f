import Host
import LVS
import Links
import Wire

/// The host stack as a link: packets for the director's host itself, as a real server or as a client, go in through a TUN
/// device; what such a server answers comes out of it where the director has to translate it, and what the host asks of
/// services. The device is made when it is needed.
final class HostLink: Link {
    let interface = Director.localInterface
    private(set) var counters = LinkCounters()
    private(set) var wantsPoll = true
    private var device: TUNDevice?
    private let requests: any HostRequests
    private let buffer = Slab<UInt8>(capacity: Offload.length + 65_536)
    private var slots: Slots?

    init(_ requests: any HostRequests) { self.requests = requests }

    /// Has the host's own traffic led here that a plan names.
    /// - Parameter done: is told what came of it, now or later; without it the call waits.
    func lead(_ plan: HostPlan, done: ((HostError?) -> Void)?) throws(HostError) {
        guard !plan.ownTraffic.isEmpty || device != nil else {
            done?(nil)
            return
        }
        let device = try opened()
        guard let done else { return try requests.lead(plan.ownTraffic, into: device, mtu: plan.mtu) }
        requests.lead(plan.ownTraffic, packed: plan.leadRequest, into: device, mtu: plan.mtu, done: done)
    }

    /// Leaves the host's own traffic to the host again.
    func end() { requests.stopLeading() }

    var descriptor: Int32 { device?.descriptor ?? -1 }

    func receive(into batch: inout Batch) throws(LinkError) {
        guard let device else { return }
        let slots = self.slots ?? Slots()
        self.slots = slots
        let room = min(Slots.count, batch.capacity - batch.count)
        wantsPoll = false
        for place in 0..<room {
            do throws(HostError) {
                guard let count = try device.read(into: slots.packet(place)) else { wantsPoll = true; return }
                guard let frame = slots.frame(place, read: count, ingress: interface) else { counters.truncated += 1; continue }
                counters.received += 1
                batch.append(frame)
            } catch {
                wantsPoll = true
                throw LinkError("the host's own answers: \(error)")
            }
        }
    }

    func transmit(_ batch: borrowing Batch) throws(LinkError) {
        for i in 0..<batch.count where batch[i].egress == interface { try deliver(batch[i]) }
    }

    private func opened() throws(HostError) -> TUNDevice {
        if let device { return device }
        let made = try requests.openDevice()
        device = made
        return made
    }

    private func deliver(_ frame: Frame) throws(LinkError) {
        do throws(HostError) {
            let device = try opened()
            let header = EthernetHeader(frame.bytes)?.length ?? 14
            let packet = frame.bytes.dropFirst(header)
            guard packet.count <= 65_535 else { counters.refused += 1; return }
            let whole = Bytes(UnsafeMutableRawPointer(buffer.mutableAddress(checked: 0)), count: Offload.length + packet.count)
            var offload = frame.offload
            // The offload's places count from the frame's beginning, which stays behind.
            if offload.hasPartialChecksum { offload.checksumStart &-= UInt16(header) }
            if offload.headerLength >= UInt16(header) { offload.headerLength &-= UInt16(header) }
            offload.write(to: whole)
            whole.copy(packet, to: Offload.length)
            if try device.write(whole) { counters.sent += 1 } else { counters.refused += 1 }
        } catch {
            throw LinkError("the host's own delivery: \(error)")
        }
    }
}

/// Where packets from the host are read to, each with room in front for the Ethernet header that it has not.
private final class Slots {
    static var count: Int { 32 }
    private static var headroom: Int { 256 }
    private static var header: Int { 14 }
    /// A packet of 64 KiB, and room behind for what the director may add.
    private static var stride: Int { headroom + header + 65_536 + 512 }
    private let memory = Slab<UInt8>(capacity: count * stride)

    private func start(_ place: Int) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(memory.mutableAddress(checked: place * Self.stride))
    }

    /// Where a packet with its virtio_net_hdr belongs; the Ethernet header will overwrite the latter.
    func packet(_ place: Int) -> Bytes {
        Bytes(start(place) + (Self.headroom + Self.header - Offload.length), count: Offload.length + 65_536)
    }

    /// What was read as a frame between stations without a MAC; `nil` when it is no IP packet.
    func frame(_ place: Int, read count: Int, ingress: Int32) -> Frame? {
        guard count > Offload.length else { return nil }
        var offload = Offload(packet(place))
        if offload.hasPartialChecksum { offload.checksumStart &+= UInt16(Self.header) }
        if offload.headerLength > 0 { offload.headerLength &+= UInt16(Self.header) }
        let frame = Frame(
            buffer: start(place), capacity: Self.stride, headroom: Self.headroom,
            length: count - Offload.length + Self.header, ingress: ingress, offload: offload)
        let bytes = frame.bytes
        bytes.setMAC(.zero, at: 0)
        bytes.setMAC(.zero, at: 6)
        switch bytes[Self.header] >> 4 {
        case 4: bytes.setBig16(EtherType.ipv4, at: 12)
        case 6: bytes.setBig16(EtherType.ipv6, at: 12)
        default: return nil
        }
        return frame
    }
}
