import Wire

/// Counters of the whole director and of each service; a real server's are in the server itself.
struct TrafficCounters: ~Copyable {
    private let services: SlabView<Counters>
    var all = Counters()
    /// SYNs whose maximum segment size was lowered.
    var clampedSYNs: UInt64 = 0
    var estimator = ShownCounters()

    init(in memory: StateMemory) { services = memory.serviceCounters }

    @inline(__always)
    subscript(service: Int32) -> Counters {
        unsafeAddress { unsafe UnsafePointer(services.trusted(Int(service))) }
        nonmutating unsafeMutableAddress { unsafe services.trusted(Int(service)) }
    }
}

extension Director {
    /// One packet in the request direction, for its connection, server, service and the director.
    @inline(__always)
    mutating func countRequest(_ id: ConnectionID, _ packet: Packet, _ context: inout PacketContext) {
        countRequest(id, length: packet.length, &context)
    }

    @inline(__always)
    mutating func countRequest(_ id: ConnectionID, length: Int32, _ context: inout PacketContext) {
        connections[id].packetsIn &+= 1
        let bytes = UInt64(UInt32(bitPattern: length))
        let server = connections[id].server
        guard server >= 0 else { return }
        context.countedServer = server
        // Nothing is counted while the server is removed.
        let service = servers[server].service
        guard service >= 0 else { return }
        servers[server].counters.packetsIn &+= 1
        servers[server].counters.bytesIn &+= bytes
        traffic[service].packetsIn &+= 1
        traffic[service].bytesIn &+= bytes
        traffic.all.packetsIn &+= 1
        traffic.all.bytesIn &+= bytes
    }

    /// One packet in the reply direction of `length` bytes. Nothing is counted while the server is removed.
    mutating func countReply(_ id: ConnectionID, length: Int, _ context: inout PacketContext) {
        let server = connections[id].server
        guard server >= 0, servers[server].service >= 0 else { return }
        context.countedServer = server
        let service = servers[server].service
        servers[server].counters.packetsOut &+= 1
        servers[server].counters.bytesOut &+= UInt64(length)
        traffic[service].packetsOut &+= 1
        traffic[service].bytesOut &+= UInt64(length)
        traffic.all.packetsOut &+= 1
        traffic.all.bytesOut &+= UInt64(length)
    }

    /// One new connection.
    mutating func countConnection(_ server: ServerID, _ service: Int32) {
        servers[server].counters.connections &+= 1
        traffic[service].connections &+= 1
        traffic.all.connections &+= 1
    }
}
