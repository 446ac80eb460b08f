import Host
import LVS
import Links
import Wire

/// The host stack as a link: packets for a real server that is the director itself go in through a TUN device, which is
/// made when the first one comes.
final class HostLink: Link {
    let interface = Director.localInterface
    private(set) var counters = LinkCounters()
    private var device: TUNDevice?
    private let buffer = Slab<UInt8>(capacity: Offload.length + 65_536)

    deinit { buffer.deallocate() }

    /// Nothing comes out of the device: what the host answers, it routes itself.
    func receive(into batch: inout Batch) throws(LinkError) {}

    var wantsPoll: Bool { true }

    func transmit(_ batch: borrowing Batch) throws(LinkError) {
        for i in 0..<batch.count where batch[i].egress == interface { try deliver(batch[i]) }
    }

    private func opened() throws(HostError) -> TUNDevice {
        if let device { return device }
        let made = try TUNDevice(name: "svs%d", mtu: 65_535, offload: true)
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
