internal import CLinux
internal import Wire

// The offload header between the kernel's form and ours.

extension Offload {
    /// The header that came with a packet.
    @inline(__always)
    init(_ header: svs_offload) {
        self.init(
            flags: header.flags, segmentation: header.segmentation, headerLength: header.header_length,
            segmentSize: header.segment_size, checksumStart: header.checksum_start, checksumOffset: header.checksum_offset)
    }

    /// Whether the kernel that sends the frame need not be told anything.
    @inline(__always)
    var isBare: Bool { flags & Self.needsChecksum == 0 && segmentation == 0 }
}

extension svs_offload {
    /// The header of a frame of `count` bytes that is sent. Of the flags the kernel reads only one; a header hint beyond the
    /// frame would be refused (EINVAL).
    init(sending offload: Offload, with count: Int) {
        self.init(
            flags: offload.flags & Offload.needsChecksum, segmentation: offload.segmentation,
            header_length: UInt16(min(Int(offload.headerLength), count)), segment_size: offload.segmentSize,
            checksum_start: offload.checksumStart, checksum_offset: offload.checksumOffset)
    }
}
