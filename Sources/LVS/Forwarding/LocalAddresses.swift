import Wire

/// Ports that are in use, kept apart by local address, real server and protocol: the same port may serve towards every
/// server at once.
struct PortAllocator {
    struct Key: Hashable {
        var local: IPAddress
        var server: ServerKey
        var proto: UInt8
    }

    private var pools: [Key: PortPool] = [:]
    private var records: PortRecords
    /// Empty pools are kept as long as there are few, so that light traffic does not make and drop them.
    private static let few = 256

    init(in memory: StateMemory) { records = PortRecords(in: memory) }

    /// Takes a port of a local address towards a server; `nil` when all are in use. A new pool begins at `start`.
    mutating func take(_ local: IPAddress, towards server: ServerKey, _ proto: UInt8, from start: UInt16) -> UInt16? {
        change(Key(local: local, server: server, proto: proto), from: start) { $0.take() }
    }

    /// Changes a pool, which begins at `start` when it is new; the next port is noted.
    private mutating func change<Result>(_ key: Key, from start: UInt16, _ change: (inout PortPool) -> Result) -> Result {
        if pools[key] == nil {
            let (place, next) = records.take(key, from: start)
            pools[key] = PortPool(from: next, noted: place)
        }
        return Self.change(&pools[key, default: PortPool(from: start)], change, records)
    }

    private static func change<Result>(_ pool: inout PortPool, _ change: (inout PortPool) -> Result, _ records: PortRecords) -> Result {
        defer { records.note(pool.next, at: pool.record) }
        return change(&pool)
    }

    /// Begins the pools that another director had beside those of its connections, as long as there are few.
    mutating func takeOver() {
        for key in records.leftOver where pools.count < Self.few { change(key, from: 0) { _ in } }
        records.releaseLeftOver()
    }

    /// Marks a port as in use; whether it was free.
    @discardableResult
    mutating func occupy(_ port: UInt16, of local: IPAddress, _ proto: UInt8, towards server: ServerKey) -> Bool {
        change(Key(local: local, server: server, proto: proto), from: port &+ 1) { $0.occupy(port) }
    }

    /// The port that is tried next.
    mutating func begin(at port: UInt16, of local: IPAddress, _ proto: UInt8, towards server: ServerKey) {
        change(Key(local: local, server: server, proto: proto), from: port) { $0.begin(at: port) }
    }

    /// What every pool tries next.
    var positions: [Snapshot.PortPosition] {
        pools.map { Snapshot.PortPosition(local: $0.key.local, server: $0.key.server, proto: $0.key.proto, next: $0.value.next) }.sorted {
            ($0.local, $0.server.address, $0.server.port, $0.proto) < ($1.local, $1.server.address, $1.server.port, $1.proto)
        }
    }

    mutating func giveBack(_ port: UInt16, of local: IPAddress, towards server: ServerKey, _ proto: UInt8) {
        let key = Key(local: local, server: server, proto: proto)
        guard let left = pools[key]?.giveBack(port), left == 0, pools.count > Self.few else { return }
        records.release(pools[key]?.record ?? -1)
        pools[key] = nil
    }
}

/// The ports 1025 to 65535 of one local address towards one server. A bit for each port and a bit for each word of those
/// bits that is full, so that a free one is found in a few steps however many are in use. Ports are given out in a circle:
/// the one that was given back last is used again last, when its old connection has left the server's TIME_WAIT.
struct PortPool {
    static let ports: ClosedRange<UInt16> = 1025...65535
    private static let words = 1024

    /// The ports' words, then those that say which of them are full.
    private var bits: [UInt64]
    private(set) var next: UInt16
    private var used = 0
    /// Where `next` is noted for the next director, -1 for nowhere.
    let record: Int32

    init(from start: UInt16, noted record: Int32 = -1) {
        self.record = record
        bits = Array(repeating: 0, count: Self.words + Self.words / 64)
        next = max(start, Self.ports.lowerBound)
        for word in 0..<Int(Self.ports.lowerBound) >> 6 { bits[word] = .max }
        bits[Int(Self.ports.lowerBound) >> 6] = 1 << UInt64(Self.ports.lowerBound & 63) - 1
        bits[Self.words] = 1 << UInt64(Self.ports.lowerBound >> 6) - 1
    }

    mutating func take() -> UInt16? {
        var word = Int(next) >> 6
        var free = ~bits[word] & UInt64.max << UInt64(next & 63)
        if free == 0 {
            guard let other = wordWithRoom(from: (word + 1) % Self.words) else { return nil }
            word = other
            free = ~bits[word]
        }
        let port = UInt16(word << 6 | free.trailingZeroBitCount)
        occupy(port)
        next = port == Self.ports.upperBound ? Self.ports.lowerBound : port + 1
        return port
    }

    /// Whether the port was free.
    @discardableResult
    mutating func occupy(_ port: UInt16) -> Bool {
        let word = Int(port) >> 6
        let bit: UInt64 = 1 << UInt64(port & 63)
        guard bits[word] & bit == 0 else { return false }
        bits[word] |= bit
        if bits[word] == .max { bits[Self.words + word >> 6] |= 1 << UInt64(word & 63) }
        used += 1
        return true
    }

    mutating func begin(at port: UInt16) { next = max(port, Self.ports.lowerBound) }

    /// Gives a port back; how many are still in use.
    mutating func giveBack(_ port: UInt16) -> Int {
        let word = Int(port) >> 6
        let bit: UInt64 = 1 << UInt64(port & 63)
        guard Self.ports.contains(port), bits[word] & bit != 0 else { return used }
        bits[word] &= ~bit
        bits[Self.words + word >> 6] &= ~(1 << UInt64(word & 63))
        used -= 1
        return used
    }

    private func wordWithRoom(from start: Int) -> Int? {
        let groups = Self.words >> 6
        var mask = UInt64.max << UInt64(start & 63)
        // One group more than there are: the first is looked at again for the words before the start.
        for step in 0...groups {
            let group = (start >> 6 + step) % groups
            let open = ~bits[Self.words + group] & mask
            if open != 0 { return group << 6 | open.trailingZeroBitCount }
            mask = .max
        }
        return nil
    }
}

extension [ClosedRange<IPAddress>] {
    /// How many addresses the ranges hold together, at most 2^30.
    var addressCount: Int {
        var count = 0
        for range in self {
            let span = range.upperBound.high == range.lowerBound.high ? range.upperBound.low &- range.lowerBound.low : .max
            count = Swift.min(count + Int(Swift.min(span, 1 << 30)) + 1, 1 << 30)
        }
        return count
    }

    /// The address at a place below `addressCount`, the ranges one behind the other.
    func address(at place: Int) -> IPAddress? {
        var left = UInt64(place)
        for range in self {
            let (low, carry) = range.lowerBound.low.addingReportingOverflow(left)
            let address = IPAddress(high: range.lowerBound.high &+ (carry ? 1 : 0), low: low)
            if address >= range.lowerBound, address <= range.upperBound { return address }
            left -= range.upperBound.low &- range.lowerBound.low &+ 1
        }
        return nil
    }
}

extension Director {
    /// Local addresses that one new connection tries before it is refused.
    private static var tries: Int { 256 }

    /// Gives a connection its local address and port, round the service's addresses; one whose ports are used up towards
    /// the server leaves its turn to the next.
    mutating func allotLocalAddress(_ connection: inout Connection, on service: VirtualService, to server: ServerID) -> Verdict? {
        let ranges = service.settings.localAddresses
        let count = ranges.addressCount
        let target = ServerKey(address: connection.serverAddress, port: connection.serverPort)
        for _ in 0..<min(count, Self.tries) {
            let place = service.nextLocalAddress % count
            service.nextLocalAddress = place + 1
            guard let local = ranges.address(at: place) else { continue }
            let start = UInt16(truncatingIfNeeded: clockwork.generator.next())
            guard let port = connections.portAllocator.take(local, towards: target, connection.proto, from: start) else { continue }
            connection.localAddress = local
            connection.localPort = port
            return nil
        }
        return .localAddressesExhausted
    }

    /// How packets of a new connection reach a server. The host itself needs no local address to answer through the director.
    mutating func method(towards server: ServerID) -> ForwardingMethod {
        let method = servers[server].settings.method
        return method == .fullNAT && host.network.isLocal(servers[server].key.address) ? .masquerading : method
    }
}

extension HostView {
    /// Whether an address is a local address of FULLNAT that the director owns.
    mutating func ownsLocalAddress(_ address: IPAddress) -> Bool {
        localRanges.contains { $0.contains(address) } && emulation.ownership.covers(localAddress: address) && !network.isLocal(address)
    }
}

extension ConnectionState {
    mutating func returnLocalAddress(_ connection: Connection) {
        let target = ServerKey(address: connection.serverAddress, port: connection.serverPort)
        portAllocator.giveBack(connection.localPort, of: connection.localAddress, towards: target, connection.proto)
    }
}
