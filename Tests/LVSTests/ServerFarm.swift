import LVS
import Testing
import Wire

/// A service with real servers A...Z (10.2.0.11...) and one scheduler, driven by a script of words:
///
///     +A3      add A with weight 3; +A3x4y2 with thresholds
///     =A0      edit A to weight 0
///     -A       remove A
///     CBA!     three connections went to C, B and A, then one found no server
///     112:CCB  the same with destinations 10.50.0.1, 10.50.0.1, 10.50.0.2
///     ~1,3     connections 1 and 3, counted from 1, become inactive
///     /2       connection 2 expires
///     @60      the clock goes on by 60 seconds
///
/// Connections count as the kernel 6.1.192 counts them; connection i comes from 192.0.2.(i+1) port 1000+i.
final class ServerFarm {
    let pool = Slab<RealServer>(capacity: 256)
    var order: [ServerID] = []
    let scheduler: any Scheduler
    var now: Instant = 0
    /// Port of the real servers.
    let port: UInt16
    /// Server and activity of each connection in order; no server once it is gone or never was.
    private(set) var connections: [(server: ServerID?, isActive: Bool)] = []
    private var nextFree: ServerID = 0

    init(_ name: String, flags: ServiceFlags = [], port: UInt16 = 80) throws {
        scheduler = try #require(Schedulers.named(name, flags: flags))
        self.port = port
        scheduler.serversChanged(.started, in: servers)
        advance(to: 0)
    }

    var servers: Candidates { Candidates(order: order, pool: pool.view) }

    func key(_ letter: Character) -> ServerKey {
        ServerKey(address: IPAddress(v4: 0x0a02_000b + UInt32(letter.asciiValue! - 65)), port: port)
    }

    func place(_ letter: Character) -> Int? { order.firstIndex { pool[Int($0)].key == key(letter) } }

    func letter(_ place: Int?) -> Character {
        guard let place else { return "!" }
        return Character(Unicode.Scalar(UInt8(truncatingIfNeeded: servers[place].key.address.v4 - 0x0a02_000b) + 65))
    }

    func add(_ letter: Character, _ settings: ServerSettings) {
        // A removed server waits in its slot and comes back with its connections.
        let known = (0..<nextFree).first { pool[Int($0)].key == key(letter) }
        let id = known ?? nextFree
        if known == nil {
            pool[Int(id)] = RealServer(key: key(letter), settings: settings, service: 0)
            nextFree += 1
        } else {
            pool[Int(id)].lastWeight = settings.weight
            pool[Int(id)].flags.insert(.available)
        }
        order.insert(id, at: 0)
        configure(id, settings)
        scheduler.serversChanged(.added(0), in: servers)
    }

    func edit(_ letter: Character, _ settings: ServerSettings) throws {
        let place = try #require(self.place(letter))
        configure(order[place], settings)
        scheduler.serversChanged(.edited(place), in: servers)
    }

    func remove(_ letter: Character) throws {
        let place = try #require(self.place(letter))
        let id = order.remove(at: place)
        pool[Int(id)].flags.remove(.available)
        scheduler.serversChanged(.removed(place, key(letter)), in: servers)
    }

    private func configure(_ id: ServerID, _ settings: ServerSettings) {
        pool[Int(id)].settings = settings
        if settings.weight != 0 { pool[Int(id)].lastWeight = settings.weight }
        let total = UInt32(pool[Int(id)].total)
        if settings.upperThreshold != 0 && total >= settings.upperThreshold {
            pool[Int(id)].flags.insert(.overloaded)
        } else if total < lower(settings) || settings.upperThreshold == 0 {
            pool[Int(id)].flags.remove(.overloaded)
        }
    }

    private func lower(_ settings: ServerSettings) -> UInt32 {
        settings.lowerThreshold != 0 ? settings.lowerThreshold : settings.upperThreshold - settings.upperThreshold / 4
    }

    @discardableResult
    func connect(_ request: SchedulingRequest? = nil) -> Int? {
        let number = UInt32(connections.count)
        let place = scheduler.pick(
            for: request
                ?? SchedulingRequest(
                    client: IPAddress(v4: 0xc000_0201 + number),
                    clientPort: UInt16(1000 + number % 60000),
                    destination: IPAddress(v4: 0x0a01_0001), destinationPort: 80,
                    now: now), from: servers)
        guard let place else {
            connections.append((nil, false))
            return nil
        }
        let id = order[place]
        pool[Int(id)].active += 1
        pool[Int(id)].total += 1
        let upper = pool[Int(id)].settings.upperThreshold
        if upper != 0 && UInt32(pool[Int(id)].total) == upper { pool[Int(id)].flags.insert(.overloaded) }
        connections.append((id, true))
        return place
    }

    /// A request with everything drawn from one number: any client, one of 256 destinations.
    static func request(_ random: UInt64, at now: Instant = 0) -> SchedulingRequest {
        SchedulingRequest(
            client: IPAddress(v4: UInt32(truncatingIfNeeded: random)), clientPort: UInt16(truncatingIfNeeded: random >> 32),
            destination: IPAddress(v4: 0x0a32_0000 + UInt32(random >> 56)), destinationPort: 80, now: now,
            random: random &* 0xd134_2543_de82_ef95)
    }

    func becomeInactive(_ connection: Int) {
        guard let id = connections[connection].server, connections[connection].isActive else { return }
        connections[connection].isActive = false
        pool[Int(id)].active -= 1
    }

    func expire(_ connection: Int) {
        guard let id = connections[connection].server else { return }
        becomeInactive(connection)
        connections[connection].server = nil
        pool[Int(id)].total -= 1
        if UInt32(pool[Int(id)].total + 1) == lower(pool[Int(id)].settings) { pool[Int(id)].flags.remove(.overloaded) }
    }

    func advance(to moment: Instant) {
        now = moment
        if let wanted = scheduler.nextTick, wanted <= now { scheduler.tick(at: now) }
    }

    /// Runs the script and gives back its words, the letters replaced by what happened.
    func run(_ script: String) throws -> String {
        try script.split(separator: " ").map { try run(word: $0) }.joined(separator: " ")
    }

    private func run(word: Substring) throws -> String {
        let rest = word.dropFirst()
        switch word.first {
        case "+": add(rest.first!, try settings(rest.dropFirst()))
        case "=": try edit(rest.first!, try settings(rest.dropFirst()))
        case "-": try remove(rest.first!)
        case "~": for number in rest.split(separator: ",") { becomeInactive(Int(number)! - 1) }
        case "/": for number in rest.split(separator: ",") { expire(Int(number)! - 1) }
        case "@": advance(to: now + Int64(rest)! * 1_000_000_000)
        default:
            let parts = word.split(separator: ":")
            guard parts.count == 2 else { return String(word.map { _ in letter(connect()) }) }
            return parts[0] + ":" + String(parts[0].map { letter(connect(to: $0.wholeNumberValue!)) })
        }
        return String(word)
    }

    private func connect(to destination: Int) -> Int? {
        connect(
            SchedulingRequest(
                client: IPAddress(v4: 0xc000_0201), clientPort: 1000,
                destination: IPAddress(v4: 0x0a32_0000 + UInt32(destination)), now: now))
    }

    /// `3`, `3x4`, `3x4y2`.
    private func settings(_ text: Substring) throws -> ServerSettings {
        let lower = text.split(separator: "y")
        let upper = lower[0].split(separator: "x")
        return ServerSettings(
            weight: try #require(Int32(upper[0])),
            upperThreshold: upper.count > 1 ? try #require(UInt32(upper[1])) : 0,
            lowerThreshold: lower.count > 1 ? try #require(UInt32(lower[1])) : 0)
    }
}
