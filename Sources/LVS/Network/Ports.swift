import Wire

/// The interfaces as the path of a packet needs them: whose MAC is ours, and how long a frame may be.
struct Ports {
    struct Port: BitwiseCopyable {
        var index: Int32
        var mtu: Int32
        var mac: MACAddress
    }

    private(set) var generation: UInt32 = 0
    private let ports: Slab<Port> = Slab(capacity: 256)
    private var count = 0

    /// Takes over what the network says now.
    mutating func read(_ network: Network) {
        generation = network.generation
        count = 0
        for interface in network.interfaces.prefix(ports.capacity) where !interface.isLoopback {
            ports[count] = Port(index: interface.index, mtu: Int32(clamping: interface.mtu), mac: interface.mac)
            count += 1
        }
    }

    /// Whether a frame is for this host alone, by its destination MAC.
    @inline(__always)
    func isMine(_ frame: Frame) -> Bool {
        let destination = frame.bytes.mac(at: 0)
        for i in 0..<count where ports[i].index == frame.ingress {
            // A plain frame longer than the interface's MTU with a VLAN tag's room never passes a link.
            return ports[i].mac == destination && (frame.count <= Int(ports[i].mtu) &+ 18 || frame.offload.isSuperframe)
        }
        return false
    }

    subscript(interface: Int32) -> Port? {
        for i in 0..<count where ports[i].index == interface { return ports[i] }
        return nil
    }
}
