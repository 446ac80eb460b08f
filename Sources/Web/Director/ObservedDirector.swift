public import Admin
public import LVS

/// What was seen of a director, and of the time before.
public struct ObservedDirector: Sendable {
    public var status = DirectorStatus()
    /// In the order of their names.
    public var services: [ObservedService] = []
    /// Of the whole director, the oldest first, a second or so apart.
    public var history: [DirectorStatus.Traffic] = []
    /// When it was told, by the machine's clock (`svs_clock`).
    public var at: Instant = 0
    /// Nanoseconds that the answers took.
    public var took: Instant = 0

    public init() {}
}

/// A service with its servers.
public struct ObservedService: Sendable {
    public var load: ServiceLoad
    public var servers: [ObservedServer] = []
    /// New connections a second, the oldest first.
    public var chart: [UInt32] = []

    public init(_ load: ServiceLoad) { self.load = load }

    public var active: UInt64 { servers.reduce(0) { $0 + UInt64($1.load.active) } }
    public var inactive: UInt64 { servers.reduce(0) { $0 + UInt64($1.load.inactive) } }
    /// Servers that take new connections.
    public var usable: Int { servers.count { $0.load.weight > 0 && !$0.load.isOverloaded } }
}

public struct ObservedServer: Sendable {
    public var load: ServerLoad
    public var chart: [UInt32] = []
    /// The most connections that it had since its weight is 0; 0 while it has weight.
    public var drainsFrom: UInt64 = 0

    public init(_ load: ServerLoad) { self.load = load }

    public var connections: UInt64 { UInt64(load.active) + UInt64(load.inactive) }
    /// It takes nothing new, and has connections yet.
    public var isDraining: Bool { load.weight == 0 && connections > 0 }
}

extension ObservedDirector {
    /// Samples that a chart has.
    public static var chartLength: Int { 60 }

    /// The same director a moment later.
    /// - Parameter loads: of its services and servers; without them they stay as they were.
    func followed(by status: DirectorStatus, _ loads: (services: [ServiceLoad], servers: [ServerLoad])?, at now: Instant)
        -> ObservedDirector
    {
        var next = self
        // Another process is another story.
        if status.process != self.status.process { next.history = [] }
        (next.status, next.at) = (status, now)
        next.history.append(status.rates)
        if next.history.count > Self.chartLength { next.history.removeFirst() }
        if let loads { next.take(loads.services, loads.servers) }
        return next
    }

    private mutating func take(_ loads: [ServiceLoad], _ servers: [ServerLoad]) {
        struct Name: Hashable {
            var service: UInt64
            var server: ServerKey
        }
        var charts: [UInt64: [UInt32]] = [:], earlier: [Name: ObservedServer] = [:]
        for service in services {
            charts[service.load.number] = service.chart
            for server in service.servers { earlier[Name(service: service.load.number, server: server.load.key)] = server }
        }
        var found: [ObservedService] = [], places: [UInt64: Int] = [:]
        for load in loads.sorted(by: { $0.key < $1.key }) where places[load.number] == nil {
            var service = ObservedService(load)
            service.chart = Self.prolonged(charts[load.number], load.statistics.rates.connections)
            places[load.number] = found.count
            found.append(service)
        }
        for load in servers {
            guard let place = places[load.service] else { continue }
            var server = ObservedServer(load)
            let before = earlier[Name(service: load.service, server: load.key)]
            server.chart = Self.prolonged(before?.chart, load.statistics.rates.connections)
            if load.weight == 0 { server.drainsFrom = max(before?.drainsFrom ?? 0, server.connections) }
            found[place].servers.append(server)
        }
        for place in found.indices { found[place].servers.sort { $0.load.key < $1.load.key } }
        services = found
    }

    private static func prolonged(_ chart: [UInt32]?, _ rate: UInt64) -> [UInt32] {
        var chart = chart ?? []
        if chart.count >= chartLength { chart.removeFirst(chart.count - chartLength + 1) }
        chart.append(UInt32(clamping: rate))
        return chart
    }
}

extension ServiceKey {
    /// Services by address and port, mark services last.
    static func < (a: ServiceKey, b: ServiceKey) -> Bool {
        if a.mark != b.mark { return a.mark < b.mark }
        if a.address != b.address { return a.address < b.address }
        return a.port != b.port ? a.port < b.port : a.proto < b.proto
    }
}

extension ServerKey {
    static func < (a: ServerKey, b: ServerKey) -> Bool { a.address != b.address ? a.address < b.address : a.port < b.port }
}
