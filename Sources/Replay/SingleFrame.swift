internal import LVS
internal import Links
internal import Wire

/// Memory for one frame at a time on its way through a director.
struct SingleFrame: ~Copyable {
    private var batch = Batch(capacity: 1)
    private let memory: Slab<UInt8> = Slab(capacity: PcapWriter.longestFrame + 256)

    /// Directs a frame and hands over what leaves: itself first, then what it caused.
    /// - Parameter explaining: whether the decisions are taken down.
    mutating func direct(
        _ bytes: [UInt8], _ offload: Offload, on interface: Int32, at time: Instant, through director: inout Director,
        explaining: Bool, _ leave: (Frame) throws -> Void
    ) rethrows -> Explanation? {
        batch.removeAll()
        let base = UnsafeMutableRawPointer(memory.mutableAddress(checked: 0))
        var frame = Frame(buffer: base, capacity: memory.capacity, headroom: 128, length: bytes.count, ingress: interface)
        frame.bytes.copy(bytes)
        frame.offload = offload
        batch.append(frame)
        var explanation: Explanation?
        if explaining { explanation = director.explain(&batch, at: time) } else { director.process(&batch, at: time) }
        if batch[0].egress != 0 { try leave(batch[0]) }
        for i in 0..<director.outbox.batch.count { try leave(director.outbox.batch[i]) }
        return explanation
    }
}
