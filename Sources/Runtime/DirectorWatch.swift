import Admin
import CLinux
import Glibc
import LVS
import Links
import Wire

/// What is watched of a director beside its engine: its links, and how fast verdicts are met.
final class DirectorWatch {
    /// Links that frames are taken from.
    var links: [any Link] = []
    /// Work beside the frames.
    var steps = ControlSteps()
    private let begun = Instant(svs_clock())
    /// Frames by verdict at some moments, the oldest first.
    private var samples: [(at: Instant, frames: [UInt64])] = []
    private let neighbors = NeighborNews()
    private let claimNews = ClaimNews()
    /// Others who claim a virtual address.
    private(set) var claims: [DirectorStatus.Claim] = []
    /// Is told what is new.
    var say: (String) -> Void = { _ in }
    /// Rates are those of so many nanoseconds at least, where the director is as old.
    private static let period: Instant = 5 * second

    /// To be called every second or so.
    /// - Parameter names: of the interfaces that frames are taken from.
    func tick(_ director: inout Director, on names: [String], at now: Instant) {
        director.accountCarried()
        neighbors.follow(director, say: say)
        claims = claimNews.follow(&director, on: names, at: now, say: say)
        var frames: [UInt64] = []
        frames.reserveCapacity(Verdict.allCases.count)
        for verdict in Verdict.allCases { frames.append(director.verdicts[verdict]) }
        samples.append((now, frames))
        while samples.count > 2, now - samples[1].at >= Self.period { samples.removeFirst() }
    }

    /// Seconds since the director began.
    func uptime(at now: Instant) -> UInt64 { UInt64(max(now - begun, 0) / second) }

    /// Verdicts that were met, with frames and frames a second.
    func verdicts(_ director: borrowing Director) -> [DirectorStatus.Verdict] {
        var found: [DirectorStatus.Verdict] = []
        for (place, verdict) in Verdict.allCases.enumerated() where director.verdicts[verdict] > 0 {
            found.append(.init(name: verdict.name, frames: director.verdicts[verdict], rate: rate(place)))
        }
        return found
    }

    private func rate(_ place: Int) -> UInt64 {
        guard let first = samples.first, let last = samples.last, last.at > first.at else { return 0 }
        let frames = last.frames[place] &- first.frames[place]
        return (frames &* 1000 &+ 500) / UInt64(max((last.at - first.at) / 1_000_000, 1))
    }

    /// The director's interfaces, their links' counters with them.
    func interfaces(_ names: [String], _ network: Network) -> [DirectorStatus.Interface] {
        names.map { name in
            guard let interface = network.interface(named: name) else { return .init(name: name, state: .gone) }
            var status = DirectorStatus.Interface(name: name, state: interface.isUp ? interface.hasCarrier ? .up : .noCarrier : .down)
            guard let counters = links.first(where: { $0.interface == interface.index })?.counters else { return status }
            (status.received, status.sent, status.missed) = (counters.received, counters.sent, counters.missed)
            (status.truncated, status.queueFull, status.refused) = (counters.truncated, counters.queueFull, counters.refused)
            return status
        }
    }
}

extension ControlledDirector {
    /// What the director says of itself now.
    mutating func status() -> DirectorStatus {
        director.accountCarried()
        var status = DirectorStatus()
        let summary = director.summary()
        (status.version, status.process) = (Release.version, getpid())
        status.uptime = watch.uptime(at: Instant(svs_clock()))
        status.interfaces = watch.interfaces(interfaces, director.network)
        status.holders = director.virtualAddressHolders()
        (status.services, status.servers) = (UInt64(director.serviceCount), UInt64(director.serverCount))
        (status.connections, status.capacity) = (UInt64(director.connectionCount), UInt64(director.connectionCapacity))
        status.carried = UInt64(carried)
        status.sums = .init(summary.total.counters)
        status.rates = .init(summary.total.rates)
        status.verdicts = watch.verdicts(director)
        status.failing = failingNeighbors()
        status.claims = watch.claims
        status.unmarked = director.unmarkedServices().map { "\($0)" }
        status.honoursFirewall = rules.honours
        status.switches = switches()
        status.daemons = summary.daemons.map { "\($0.role) \($0.interface) \($0.syncID)" }
        status.gaveWay = director.earlyDrop.counts.kinds.map { .init(name: $0.name, number: $0.number) }
        status.controlSteps = watch.steps.status
        if director.carrier != nil { status.carrying = .init(director.carryingCounters) }
        return status
    }

    private func failingNeighbors() -> [DirectorStatus.Neighbor] {
        let network = director.network
        guard !network.failing.isEmpty else { return [] }
        let servers = director.servers(behind: network.failing)
        return network.failing.sorted().prefix(100).map { key in
            .init(
                address: "\(key.address)", interface: network.interface(key.interface)?.name ?? "interface \(key.interface)",
                servers: servers[key] ?? 0)
        }
    }

    private func switches() -> [DirectorStatus.Switch] {
        let usual = Tunables()
        var now = director.tunables
        // Not the director's.
        (now.forward4, now.forward6) = (usual.forward4, usual.forward6)
        return Tunables.names.map { name in
            let value = now.value(of: name) ?? ""
            return .init(
                name: name, value: value.split(separator: "\t").joined(separator: " "),
                isUsual: !name.hasPrefix("net.ipv4.vs.") || value == usual.value(of: name))
        }
    }
}

extension DirectorStatus.Carrying {
    fileprivate init(_ counters: CarryingCounters) {
        let reasons = TakeBackReason.allCases.compactMap { reason in
            counters.takenBack[reason].map { DirectorStatus.Kind(name: reason.rawValue, number: $0) }
        }
        self.init(flows: counters.flows, frames: counters.frames, handedOver: counters.handedOver, takenBack: reasons)
    }
}

extension DirectorStatus.Traffic {
    fileprivate init(_ counters: Counters) {
        self.init()
        (connections, packetsIn, packetsOut) = (counters.connections, counters.packetsIn, counters.packetsOut)
        (bytesIn, bytesOut) = (counters.bytesIn, counters.bytesOut)
    }
}
