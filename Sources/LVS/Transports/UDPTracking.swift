/// A UDP connection has one state: it lasts while datagrams come, and is never active.
public enum UDPTracking {
    /// The kernel's name, as `-L -c` shows it.
    public static var stateName: String { "UDP" }

    /// The state after a datagram, whatever it was before.
    @inlinable @inline(__always)
    public static func next(state: UInt8, direction: Direction) -> UInt8 { 0 }
}
