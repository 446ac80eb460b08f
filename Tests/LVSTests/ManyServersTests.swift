import Glibc
import Testing
import Wire

@testable import LVS

/// What many services, and many servers of one service, cost: processor time of the thread, so that other work on the machine does
/// not count. Four times as many cost four times as much, not sixteen times.
@Suite(.serialized) struct ManyServersTests {
    private static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) / 1e6
    }

    private static func milliseconds(_ body: () throws -> Void) rethrows -> Double {
        let start = now
        try body()
        return now - start
    }

    private static func service(_ number: Int) -> ServiceKey {
        ServiceKey(proto: IPProtocol.tcp, address: IPAddress(v4: 0xc612_0000 + UInt32(number >> 4)), port: UInt16(1000 + number & 15))
    }
    private static func server(_ number: Int) -> ServerKey { ServerKey(address: IPAddress(v4: 0x0a01_0000 + UInt32(number)), port: 80) }

    /// Servers are added, weighed anew, removed and added again.
    private static func costOfServers(_ scheduler: String, _ count: Int) throws -> Double {
        var director = Director(connections: 16)
        let key = service(0)
        try director.apply(.addService(key, ServiceSettings(scheduler: scheduler)))
        return try milliseconds {
            for _ in 1...2 {
                for number in 0..<count {
                    let settings = ServerSettings(method: .masquerading, weight: Int32(1 + number % 5))
                    try director.apply(.addServer(key, server(number), settings))
                }
                try director.apply(.deleteService(key))
                try director.apply(.addService(key, ServiceSettings(scheduler: scheduler)))
            }
        }
    }

    @Test(arguments: Schedulers.roster.map { $0.name }) func serversOfOneServiceAreLinear(_ scheduler: String) throws {
        let few = try Self.costOfServers(scheduler, 500), many = try Self.costOfServers(scheduler, 2000)
        #expect(many < few * 9 + 20, "\(scheduler): \(few) and \(many) ms")
    }

    /// Commands that come one by one, a frame behind each: what follows from services is not found anew for all of them.
    private static func costOfServices(_ count: Int) throws -> Double {
        var director = Director(connections: 64), moment: Instant = 1
        return try milliseconds {
            for number in 0..<count {
                try director.apply(.addService(service(number), ServiceSettings(scheduler: "rr")))
                try director.apply(.addServer(service(number), server(number), ServerSettings(method: .masquerading)))
                moment += 1
                director.advance(to: moment)
                _ = director.isTranslated(server(number).address)
                _ = director.waitingAddresses().count
            }
        }
    }

    @Test func servicesAreLinear() throws {
        let few = try Self.costOfServices(500), many = try Self.costOfServices(2000)
        #expect(many < few * 9 + 20, "\(few) and \(many) ms")
    }

    /// A table that was filled late is the same as one that was filled at each change; one that the kernel would not have filled
    /// for so many servers stays as it was.
    @Test func maglevTablesAreFilledLate() throws {
        func places(asking isAsked: Bool) throws -> [Int?] {
            let pool = Slab<RealServer>(capacity: 5000), scheduler = try #require(Schedulers.named("mh", flags: []))
            var order: [ServerID] = [], picked: [Int?] = []
            func servers() -> Candidates { Candidates(order: order, pool: pool.view) }
            func ask() { for client in 0..<50 { picked.append(scheduler.pick(for: request(client), from: servers())) } }
            func request(_ client: Int) -> SchedulingRequest {
                SchedulingRequest(client: IPAddress(v4: 0xc633_0000 + UInt32(client)), clientPort: 1, destination: IPAddress(v4: 1))
            }
            for number in 0..<4096 {
                pool[number] = RealServer(key: Self.server(number), settings: ServerSettings(weight: 1), service: 0)
                order.insert(ServerID(number), at: 0)
                scheduler.serversChanged(.added(0), in: servers())
                if isAsked, number > 4085 { _ = scheduler.pick(for: request(0), from: servers()) }
            }
            ask()
            order.remove(at: 7)
            scheduler.serversChanged(.removed(7, Self.server(4088)), in: servers())
            ask()
            for _ in 0..<10 {
                order.removeLast()
                scheduler.serversChanged(.removed(order.count, Self.server(0)), in: servers())
            }
            ask()
            return picked
        }
        let late = try places(asking: false), early = try places(asking: true)
        #expect(late == early && late.contains { $0 != nil })
    }
}

/// Listings in parts.
@Suite struct InventoryPageTests {
    private static func director(_ services: Int) throws -> Director {
        var director = Director(connections: 16)
        for number in 0..<services {
            let key =
                number % 7 == 6
                ? ServiceKey(mark: UInt32(number), family: .v4)
                : ServiceKey(
                    proto: number % 2 == 0 ? 6 : 17, address: IPAddress(v4: 0xc612_0000 + UInt32(number % 11)), port: UInt16(number))
            try director.apply(.addService(key, ServiceSettings(scheduler: "rr")))
            for server in 0..<(number % 5) {
                try director.apply(
                    .addServer(key, ServerKey(address: IPAddress(v4: 0x0a01_0001 + UInt32(server)), port: 80), ServerSettings()))
            }
        }
        return director
    }

    /// All parts together, services that were cut in two joined.
    private static func joined(_ director: borrowing Director, limit: Int, between: (Int) -> Void = { _ in }) -> [ServiceRecord] {
        var all: [ServiceRecord] = [], place: InventoryPlace? = InventoryPlace()
        while let begin = place {
            let page = director.services(from: begin, limit: limit)
            for (number, service) in page.services.enumerated() {
                if number == 0, page.isContinued { all[all.count - 1].servers += service.servers } else { all.append(service) }
            }
            place = page.next
        }
        return all
    }

    @Test(arguments: [1, 2, 3, 7, 64, 100_000]) func partsAreTheWhole(_ limit: Int) throws {
        let director = try Self.director(200), whole = director.inventory().services
        #expect(whole.count == 200 && whole.contains { $0.servers.count == 4 })
        #expect(Self.joined(director, limit: limit) == whole)
    }

    /// The order is the kernel's: by hash bucket, the newest of a bucket first.
    @Test func theOrderIsThatOfBuckets() throws {
        var director = try Self.director(100)
        for key in director.inventory().services.prefix(30).map(\.key) { try director.apply(.deleteService(key)) }
        let expected = director.services.all.sorted { ($0.bucket, $1.sequence) < ($1.bucket, $0.sequence) }.map(\.key)
        #expect(director.inventory().services.map(\.key) == expected && director.serviceCount == 70)
        #expect(
            director.serviceKeys.count == 70 && director.services.byAge.map(\.sequence) == director.services.byAge.map(\.sequence).sorted())
    }

    /// What goes between two parts is missed, and nothing comes twice.
    @Test func whatGoesInBetweenIsMissed() throws {
        var director = try Self.director(60), seen: [ServiceKey] = [], place: InventoryPlace? = InventoryPlace(), turn = 0
        let before = Set(director.inventory().services.map(\.key))
        while let begin = place {
            let page = director.services(from: begin, limit: 4)
            seen += page.services.dropFirst(page.isContinued ? 1 : 0).map(\.key)
            place = page.next
            turn += 1
            if turn % 3 == 0, let key = director.inventory().services.last?.key { try director.apply(.deleteService(key)) }
            if turn % 4 == 0, let key = seen.last, director.record(of: key) != nil { try director.apply(.deleteService(key)) }
        }
        #expect(Set(seen).count == seen.count && before.isSuperset(of: seen) && seen.count > 30)
    }
}

/// The noisiest destination, beside a slow twin.
@Suite struct UnansweredEntriesTests {
    @Test(arguments: 0..<8) func theNoisiestIsFound(_ seed: UInt64) {
        var entries = UnansweredEntries(capacity: 512), dice = SeededGenerator(seed: seed)
        var destinations: [ConnectionID: Int] = [:]
        for _ in 0..<4000 {
            let id = ConnectionID(dice.next() % 512)
            if let known = destinations[id] {
                _ = known
                entries.remove(id)
                destinations[id] = nil
            } else {
                let service = Int32(dice.next() % (seed % 2 == 0 ? 4 : 300))
                entries.add(id, service: service, since: second, now: second)
                destinations[id] = Int(service &+ 1) & 255
            }
            var counts = [Int](repeating: 0, count: 256)
            for destination in destinations.values { counts[destination] += 1 }
            let most = counts.max() ?? 0, noisiest = counts.firstIndex(of: most) ?? 0
            let found = entries.oldestOfNoisiest(at: second)
            guard most > 0 else { #expect(found == nil); continue }
            #expect(found.flatMap { destinations[$0.id] } == noisiest)
        }
    }
}
