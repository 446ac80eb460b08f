internal import CLinux
internal import Linux
public import SystemPackage

/// What the program in the kernel and whoever tells it what to do have in common: memory of a map (`svs_carry_shared`).
public final class SharedControl {
    let memory: UnsafeMutableRawPointer

    public init(_ maps: CarryMaps) throws(Errno) {
        var memory: UnsafeMutableRawPointer?
        try Errno.check(svs_map_share(maps.shared.number, Self.size, &memory))
        guard let memory else { throw .noMemory }
        self.memory = memory
    }

    deinit { svs_map_unshare(memory, Self.size) }

    private static var size: UInt64 { UInt64(MemoryLayout<svs_carry_shared>.size) }

    /// Whether frames are carried at all.
    public var isOn: Bool {
        get { svs_carry_is_on(memory) != 0 }
        set { svs_carry_set_on(memory, newValue ? 1 : 0) }
    }

    /// A frame was decided about that another program took before it was sent: the two halves do not see the same frames here.
    public var isRefused: Bool { svs_carry_is_refused(memory) != 0 }

    /// Whatever stood in a ring before this moment (CLOCK_MONOTONIC) has left the director.
    func noteThrough(_ moment: Int64) { svs_carry_set_through(memory, UInt64(moment)) }
}
