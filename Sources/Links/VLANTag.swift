internal import Wire

extension Frame {
    /// Puts a VLAN tag that the kernel took out back behind the MAC addresses (IEEE 802.1Q clause 9), using four bytes of
    /// headroom, and moves what the offload header counts from the frame's start. False when there is no headroom.
    mutating func putBackTag(protocol type: UInt16, control: UInt16) -> Bool {
        guard count >= 12, moveStart(by: -4) else { return false }
        bytes.copy(bytes.dropFirst(4).prefix(12))
        bytes.setBig16(type, at: 12)
        bytes.setBig16(control, at: 14)
        if offload.hasPartialChecksum { offload.checksumStart &+= 4 }
        if offload.headerLength != 0 { offload.headerLength &+= 4 }
        return true
    }
}
