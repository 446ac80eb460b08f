import Wire

/// The interfaces as the path of a packet needs them: whose MAC is ours, and how long a frame may be.
struct InterfaceTable: ~Copyable {
    struct Entry: BitwiseCopyable {
        var mac: MACAddress
        /// 0 in a place without an interface.
        var index: Int32
        var mtu: Int32
    }

    private(set) var generation: UInt32 = 0
    /// An interface stands at its index modulo the number of places, or behind it where that is taken.
    private let places: Slab<Entry> = Slab(capacity: 256)

    /// Takes over what the network says now; more Ethernet interfaces than there is room for are left out.
    mutating func read(_ network: Network) {
        generation = network.generation
        for place in 0..<places.capacity { places[place].index = 0 }
        for interface in network.interfaces.filter({ !$0.isLoopback }).prefix(places.capacity / 2) {
            var place = Int(interface.index) & 255
            while places[place].index != 0 { place = (place + 1) & 255 }
            places[place] = Entry(mac: interface.mac, index: interface.index, mtu: Int32(clamping: interface.mtu))
        }
    }

    @inline(__always)
    private func place(of interface: Int32) -> Int {
        var place = Int(interface) & 255
        while places[place].index != interface, places[place].index != 0 { place = (place &+ 1) & 255 }
        return place
    }

    /// Whether a frame is for this host alone, by its destination MAC, and no longer than its interface carries.
    @inline(__always)
    func isMine(_ frame: Frame) -> Bool {
        let place = place(of: frame.ingress)
        // A plain frame longer than the interface's MTU with a VLAN tag's room never passes a link.
        return places[place].index != 0 && places[place].mac == frame.bytes.mac(at: 0)
            && (frame.count <= Int(places[place].mtu) &+ 18 || frame.offload.isSuperframe)
    }

    subscript(interface: Int32) -> Entry? {
        let place = place(of: interface)
        return places[place].index == 0 ? nil : places[place]
    }
}
