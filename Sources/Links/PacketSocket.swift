internal import CLinux
internal import Glibc
internal import SystemPackage

/// A raw packet socket on one interface (packet(7)), its options set in the order that the kernel wants: offload header,
/// filter, ring, and only then the binding, so that no frame arrives that was not asked for.
///
/// Not promiscuous: the interface's own address filter stays as the administrator set it.
public final class PacketSocket {
    public let interfaceName: String
    /// The kernel's number of the interface; changes when the interface is removed and made again.
    // Asked for at every frame, by the one thread that uses the link.
    @exclusivity(unchecked) public private(set) var interface: Int32
    public let descriptor: Int32
    /// Whether frames are received, or the socket only sends.
    public let receives: Bool

    private var rebinding: (() -> Int32?)?

    /// The filter in force: the one that was attached, or a wider one.
    public private(set) var filter = PacketFilter.everything

    /// Opens a socket that is not bound yet.
    public init(on interfaceName: String, receives: Bool) throws(LinkError) {
        self.interfaceName = interfaceName
        self.receives = receives
        interface = 0
        descriptor = svs_packet_open()
        if descriptor < 0 { throw failure("opening a packet socket", descriptor) }
        interface = svs_interface_number(descriptor, interfaceName)
        guard interface > 0 else { throw LinkError("interface \(interfaceName): no such interface") }
        try check(svs_packet_offload(descriptor), "asking for offload headers (PACKET_VNET_HDR)")
        if receives {
            // Kernels before 4.20 hand sent frames back; the links pass over them by their type.
            _ = svs_packet_ignore_outgoing(descriptor)
            try check(svs_packet_auxiliary(descriptor), "asking for VLAN tags (PACKET_AUXDATA)")
        }
        // The system's limit may be lower without CAP_NET_ADMIN; a shorter queue is no reason to give up.
        _ = svs_packet_queue(descriptor, receives ? 1 : 0, 8 << 20)
    }

    /// A bound socket that only sends.
    public convenience init(sendingOn interfaceName: String) throws(LinkError) {
        try self.init(on: interfaceName, receives: false)
        try bind()
    }

    /// A bound socket that somebody else has opened, its descriptor from now on this one's. Its filter is not known: until one
    /// is attached it counts as none.
    /// - Parameter rebinding: binds the socket of this name anew with rights that this process lacks, and gives the
    ///   interface's present number; `nil` when there is none. Without it this process has the rights.
    public init(
        adopting descriptor: Int32, on interfaceName: String, interface: Int32, receives: Bool, rebinding: (() -> Int32?)? = nil
    ) {
        self.descriptor = descriptor
        self.interfaceName = interfaceName
        self.interface = interface
        self.receives = receives
        self.rebinding = rebinding
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Binds to the interface: from now on frames arrive.
    public func bind() throws(LinkError) {
        try check(svs_packet_bind(descriptor, interface, receives ? 1 : 0), "binding the packet socket")
    }

    /// Binds again to the interface of this name, if there is one by now.
    public func rebind() -> Bool {
        if let rebinding {
            guard let found = rebinding() else { return false }
            interface = found
            return true
        }
        let found = svs_interface_number(descriptor, interfaceName)
        guard found > 0, svs_packet_bind(descriptor, found, receives ? 1 : 0) == 0 else { return false }
        interface = found
        return true
    }

    /// Lets only frames through that the filter accepts. Frames that the old filter let in may still be waiting.
    ///
    /// The change is atomic where the kernel has room for both programs (net.core.optmem_max, 20 kB before Linux 6.7);
    /// else there is no filter for a moment, and where the program itself is too large a wider one takes its place.
    public func attach(_ wanted: PacketFilter) throws(LinkError) {
        var next = wanted
        var result = load(next)
        while result == -ENOMEM, next.count > 0 {
            _ = load(.everything)
            result = load(next)
            if result == -ENOMEM {
                next = next.wider
                result = load(next)
            }
        }
        try check(result, "attaching a filter of \(next.count) instructions")
        filter = next
    }

    private func load(_ filter: PacketFilter) -> Int32 {
        filter.withInstructions { svs_packet_filter(descriptor, $0.baseAddress, UInt16($0.count)) }
    }

    /// Shares the interface's frames with the other sockets of `group`, both directions of a flow on the same socket.
    /// Fragments are spread by their addresses alone.
    public func join(group: UInt16) throws(LinkError) {
        try check(svs_packet_fanout(descriptor, group), "joining fanout group \(group)")
    }

    /// Frames that the kernel dropped since the last call because nobody read them in time.
    func missed() -> UInt64 {
        var packets: UInt32 = 0
        var drops: UInt32 = 0
        return svs_packet_statistics(descriptor, &packets, &drops) == 0 ? UInt64(drops) : 0
    }

    /// The error that the kernel left on the socket (ENETDOWN for an interface that went down), which it forgets.
    func pendingError() -> Int32 { svs_packet_error(descriptor) }

    /// Whether the interface still exists under its name and number.
    public var isPresent: Bool { svs_interface_number(descriptor, interfaceName) == interface }

    /// Whether the interface is administratively up.
    var isUp: Bool { svs_interface_up(descriptor, interfaceName) == 1 }

    /// Bytes of the longest IP packet on the interface.
    var mtu: Int { Int(svs_interface_mtu(descriptor, interfaceName)) }

    @inline(never)
    func check(_ result: Int32, _ step: String) throws(LinkError) {
        if result < 0 { throw failure(step, result) }
    }

    func failure(_ step: String, _ result: Int32) -> LinkError {
        if result == -EPERM { return LinkError("interface \(interfaceName): \(step) needs CAP_NET_RAW") }
        return LinkError("interface \(interfaceName): \(step)", Errno(rawValue: -result))
    }
}
