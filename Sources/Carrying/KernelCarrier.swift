internal import CLinux
public import LVS
internal import Linux
public import SystemPackage
internal import Wire

/// Has the kernel carry flows: the director's end of the maps that its program looks at.
///
/// The calls are those on the maps' elements, for which a process needs no right once it has their descriptors.
public final class KernelCarrier: FlowCarrier {
    public let control: SharedControl
    private let maps: CarryMaps
    private var counts: [svs_carried_count]

    public init(_ maps: CarryMaps) throws(Errno) {
        self.maps = maps
        control = try SharedControl(maps)
        let processors = svs_possible_processors()
        try Errno.check(processors)
        counts = Array(repeating: svs_carried_count(), count: Int(processors))
    }

    public var serverLimit: Int { Int(SVS_CARRY_SERVERS) }

    /// Every frame has left the director that stood in a ring of its links before this moment, on its clock.
    public func noteThrough(_ moment: Instant) { control.noteThrough(moment) }

    public func carry(_ flow: CarriedFlow) -> Bool {
        guard (0..<serverLimit).contains(Int(flow.server)) else { return false }
        var way = svs_carried()
        way.server = UInt32(flow.server)
        way.generation = svs_carry_generation(control.memory, way.server)
        way.egress = UInt32(bitPattern: flow.way.egress)
        way.mtu = UInt32(clamping: flow.way.mtu)
        way.timeout = UInt64(clamping: flow.timeout)
        way.addresses = Self.addresses(to: flow.way.destination, from: flow.way.source)
        // At least one frame more comes to the director. What is in its ring by now is sent when that one is.
        way.last_up = .max
        // The kernel uses an element's memory again at once, and a program may still look at what it was.
        settle()
        return withKey(flow.flow) { map, key in svs_map_put(map, key, &way) } == 0
    }

    public func progress(of flow: Flow) -> CarriedProgress? {
        var way = svs_carried()
        return withKey(flow) { map, key in svs_map_get(map, key, &way) } == 0 ? Self.progress(way) : nil
    }

    public func stop(_ flow: Flow) -> CarriedProgress? {
        var way = svs_carried()
        return withKey(flow) { map, key in svs_map_take(map, key, &way) } == 0 ? Self.progress(way) : nil
    }

    public func stop(to server: ServerID) {
        if (0..<serverLimit).contains(Int(server)) { svs_carry_next_generation(control.memory, UInt32(server)) }
    }

    public func stopAll() { svs_carry_next_generation(control.memory, .max) }

    public func settle() {
        // A processor that is at a frame for so long does not come to its end: something else took the frame, or took the processor.
        if svs_carry_await(control.memory, Int32(counts.count), 10_000_000) < 0 { try? maps.settle() }
    }

    public func counters(of server: ServerID) -> CarriedCounters {
        var sum = CarriedCounters()
        var place = UInt32(bitPattern: server)
        guard svs_map_get(maps.counts.number, &place, &counts) == 0 else { return sum }
        for count in counts {
            sum.packets &+= count.packets
            sum.bytes &+= count.bytes
        }
        return sum
    }

    public func takeOver(_ each: (Flow, CarriedProgress) -> Void) {
        stopAll()
        settle()
        takeAll(maps.flows4.number, svs_flow4()) { each(Self.flow($0), Self.progress($1)) }
        takeAll(maps.flows6.number, svs_flow6()) { each(Self.flow($0), Self.progress($1)) }
    }

    /// Removes all elements of a map.
    private func takeAll<Key: BitwiseCopyable>(_ map: Int32, _ none: Key, _ each: (Key, svs_carried) -> Void) {
        // More than ever lie in one place of the hash, of which the kernel gives all or nothing.
        var keys = Array(repeating: none, count: 512), ways = Array(repeating: svs_carried(), count: 512)
        var position: UInt32 = 0, result: Int32 = 1
        while result == 1 {
            var count = UInt32(keys.count)
            result = svs_map_take_some(map, &position, &keys, &ways, &count)
            for place in 0..<Int(count) { each(keys[place], ways[place]) }
        }
    }

    // MARK: as the maps have it

    private func withKey(_ flow: Flow, _ body: (_ map: Int32, UnsafeRawPointer) -> Int32) -> Int32 {
        if flow.source.isV4 {
            var key = svs_flow4(
                source: flow.source.v4.bigEndian, destination: flow.destination.v4.bigEndian, source_port: flow.sourcePort.bigEndian,
                destination_port: flow.destinationPort.bigEndian, protocol: UInt32(flow.proto))
            return body(maps.flows4.number, &key)
        }
        var key = svs_flow6()
        key.source = (flow.source.high.bigEndian, flow.source.low.bigEndian)
        key.destination = (flow.destination.high.bigEndian, flow.destination.low.bigEndian)
        (key.source_port, key.destination_port) = (flow.sourcePort.bigEndian, flow.destinationPort.bigEndian)
        key.protocol = UInt32(flow.proto)
        return body(maps.flows6.number, &key)
    }

    private static func flow(_ key: svs_flow4) -> Flow {
        Flow(
            source: IPAddress(v4: key.source.bigEndian), sourcePort: key.source_port.bigEndian,
            destination: IPAddress(v4: key.destination.bigEndian), destinationPort: key.destination_port.bigEndian,
            proto: UInt8(truncatingIfNeeded: key.protocol))
    }

    private static func flow(_ key: svs_flow6) -> Flow {
        Flow(
            source: IPAddress(high: key.source.0.bigEndian, low: key.source.1.bigEndian), sourcePort: key.source_port.bigEndian,
            destination: IPAddress(high: key.destination.0.bigEndian, low: key.destination.1.bigEndian),
            destinationPort: key.destination_port.bigEndian, proto: UInt8(truncatingIfNeeded: key.protocol))
    }

    /// Both addresses as a frame begins with them, in words of this machine.
    private static func addresses(to destination: MACAddress, from source: MACAddress) -> (UInt32, UInt32, UInt32) {
        (
            UInt32(truncatingIfNeeded: destination.bits >> 16).bigEndian,
            UInt32(truncatingIfNeeded: destination.bits << 16 | source.bits >> 32).bigEndian,
            UInt32(truncatingIfNeeded: source.bits).bigEndian
        )
    }

    private static func progress(_ way: svs_carried) -> CarriedProgress {
        CarriedProgress(packets: way.packets, lastSeen: Instant(way.last_seen), timeout: Instant(clamping: way.timeout))
    }
}
