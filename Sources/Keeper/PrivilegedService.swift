internal import Glibc
internal import Host
internal import LVS
internal import Links
internal import Linux
internal import Runtime
internal import SystemPackage
internal import Wire

/// Does for a director what takes rights, and only what the command line lets it do: a director that somebody has taken over
/// gets no other interface's frames, no other file, no other host.
final class PrivilegedService {
    private let interfaces: Set<String>
    private let sockets: HeldSockets
    private let host: PrivilegedHost
    private let hearsRules: Bool, carries: Bool
    /// Connections that a director's table holds.
    private let connections: Int
    /// Suppression tables of an earlier keeper, which stand until this one's does.
    private var earlierSuppression: [(name: String, descriptor: HeldDescriptor)]
    /// Distinguishes this keeper's suppression from the earlier ones.
    private let generation: Int
    private var suppresses = false
    private var told: HostError?
    private var untold: HostError?

    /// Neighbours of one request.
    private static let mostNeighbors = 1 << 16

    private static let suppressionName = "suppression-"

    init(_ configuration: Keeper.Configuration, inheriting earlier: InheritedDescriptors) throws {
        interfaces = Set(configuration.interfaces)
        sockets = try HeldSockets(scheme: configuration.link, interfaces: configuration.interfaces, inheriting: earlier)
        earlierSuppression = earlier.takeAll(Self.suppressionName)
        generation = (earlierSuppression.compactMap { Int($0.name) }.max() ?? -1) + 1
        host = try PrivilegedHost()
        (hearsRules, carries, connections) = (configuration.files.readsHostRules, configuration.carries, configuration.connections)
    }

    /// What the next keeper can go on with, by name, whenever this one ends: the rings, so that no frame is lost, and the
    /// suppression, so that the host's stack stays silent.
    var legacy: [(name: String, descriptor: Int32)] {
        var legacy = sockets.legacy + earlierSuppression.map { (Self.suppressionName + $0.name, $0.descriptor.number) }
        if suppresses, host.suppressionDescriptor >= 0 {
            legacy.append(("\(Self.suppressionName)\(generation)", host.suppressionDescriptor))
        }
        return legacy
    }

    /// What only a keeper can go on with that this process becomes.
    var deviceLegacy: [(name: String, descriptor: Int32)] { sockets.deviceLegacy }

    /// - Returns: the answer, and the descriptors that go with it, which stay open here.
    func answer(_ request: DirectorRequest) -> (KeeperAnswer, [Int32]) {
        do throws(HostError) { return try carryOut(request) } catch { return (.refused(error), []) }
    }

    /// What the kernel has refused of what was only reported, once.
    func takeRefusal() -> HostError? {
        guard let refusal = host.lastRefusal, refusal != told else { return nil }
        told = refusal
        return refusal
    }

    /// Nothing is carried any more, until a director says otherwise.
    func stopCarrying() { sockets.stopCarrying() }

    private func carryOut(_ request: DirectorRequest) throws(HostError) -> (KeeperAnswer, [Int32]) {
        switch request {
        case .resolve(let keys, let now): host.resolve(try checked(keys), at: now)
        case .refresh(let keys, let now): host.refresh(try checked(keys), at: now)
        case .stopLeading: host.stopLeading()
        case .suppress(let traffic):
            guard interfaces.isSuperset(of: traffic.interfaces) else {
                throw HostError("mute the host stack", cause: "an interface that is none of the director's")
            }
            try host.suppress(traffic)
            suppresses = true
            earlierSuppression = []
        case .link(let name): return try onLink { () throws(LinkError) in try sockets.link(name) }
        case .rebind(let name): return (.interface(sockets.rebind(name) ?? 0), [])
        case .sender(let name): return try onLink { () throws(LinkError) in try sockets.sender(name) }
        case .device: return try sockets.openDevice { () throws(HostError) in try host.openDevice() }
        case .sync(let endpoint): return try sockets.sync(endpoint)
        case .lead(let traffic, let mtu):
            guard let device = sockets.device else { throw HostError("lead the host's own traffic", cause: "there is no device yet") }
            try host.lead(traffic, into: device, mtu: mtu)
        case .rulesChanges where hearsRules: return try sockets.rulesChanges()
        case .carry where carries: return try sockets.carry(flows: connections)
        case .working, .firstFrame, .alive, .filesRead, .clientLeft, .interfacesChanged, .framesInHand, .rulesChanges, .carry, .file,
            .output:
            throw HostError("do what the director asks", errno: EPERM)
        }
        return (.done, [])
    }

    private func checked(_ keys: [Network.NeighborKey]) throws(HostError) -> [Network.NeighborKey] {
        guard keys.count <= Self.mostNeighbors else { throw HostError("resolve neighbours", errno: E2BIG) }
        return keys
    }

    /// A link's error is told in its own words.
    private func onLink(_ open: () throws(LinkError) -> (KeeperAnswer, [Int32])) throws(HostError) -> (KeeperAnswer, [Int32]) {
        do throws(LinkError) { return try open() } catch { throw HostError("", cause: error.description) }
    }
}
