internal import CLinux
public import Linux
internal import SystemPackage

/// The maps by which the director and the program in the kernel know of each other.
public struct CarryMaps {
    /// Flows of IPv4 (`svs_flow4`) and IPv6 (`svs_flow6`), and how they are carried (`svs_carried`).
    let flows4, flows6: HeldDescriptor
    /// What all flows share (`svs_carry_shared`), mapped as memory.
    let shared: HeldDescriptor
    /// Frames and bytes by server and processor (`svs_carried_count`).
    let counts: HeldDescriptor
    /// A map of maps and the one in it: an update waits for all programs that run (`settle`).
    let outer, inner: HeldDescriptor

    /// The descriptors are from now on this one's.
    init(flows4: Int32, flows6: Int32, shared: Int32, counts: Int32, outer: Int32, inner: Int32) {
        (self.flows4, self.flows6, self.shared) = (HeldDescriptor(flows4), HeldDescriptor(flows6), HeldDescriptor(shared))
        (self.counts, self.outer, self.inner) = (HeldDescriptor(counts), HeldDescriptor(outer), HeldDescriptor(inner))
    }

    /// In the order of `descriptors`; `nil` where some are missing.
    public init?(_ descriptors: [HeldDescriptor]) {
        guard descriptors.count == 6 else { return nil }
        (flows4, flows6, shared) = (descriptors[0], descriptors[1], descriptors[2])
        (counts, outer, inner) = (descriptors[3], descriptors[4], descriptors[5])
    }

    public var descriptors: [HeldDescriptor] { [flows4, flows6, shared, counts, outer, inner] }

    /// Returns when every frame that a program looked at before has gone its way. Takes some of the kernel's ticks.
    func settle() throws(Errno) {
        var first: UInt32 = 0, map = inner.number
        // The kernel waits for programs that may still use the map that was replaced (maybe_wait_bpf_programs).
        try Errno.check(svs_map_put(outer.number, &first, &map))
    }
}
