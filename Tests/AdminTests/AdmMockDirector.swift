import Admin
import LVS
import Wire

/// Refuses as the kernel does, with an errno and nothing else.
struct MockRefusal: ChannelFailure {
    var errno: Int32
    var refusal: Int32? { errno }
    var description: String { "errno \(errno)" }
}

/// A director of a few arrays that answers commands as the kernel's IPVS does; it forwards nothing.
final class MockDirector: ControlChannel {
    typealias Failure = MockRefusal

    private var state = Inventory()
    private(set) var table: [ConnectionRecord] = []

    var engines = ["", "sip"]
    static let schedulers = Schedulers.roster.filter { $0.isInKernel }.map { $0.name } + [Schedulers.none]

    func inventory() -> Inventory { state }

    func inventory(of key: ServiceKey) throws(MockRefusal) -> Inventory {
        var one = state
        one.services = [state.services[try index(key)]]
        return one
    }

    func connections(_ each: (ConnectionRecord) -> Void) { table.forEach(each) }

    func apply(_ command: Command) throws(MockRefusal) {
        do throws(CommandError) {
            switch command {
            case .addService(let key, let settings):
                guard !state.services.contains(where: { $0.key == key }) else { throw .serviceExists }
                try check(settings, key)
                state.services.insert(ServiceRecord(key: key, settings: settings), at: 0)
            case .editService(let key, let settings):
                let index = try find(key)
                try check(settings, key)
                state.services[index].settings = settings
            case .deleteService(let key):
                state.services.remove(at: try find(key))
            case .flush:
                state.services = []
            case .addServer(let key, let server, let settings):
                let service = try find(key)
                try check(settings, server, key)
                guard !state.services[service].servers.contains(where: { $0.key == server }) else { throw .serverExists }
                guard isUnicast(server.address) else { throw .invalid }
                state.services[service].servers.insert(ServerRecord(key: server, settings: settings), at: 0)
            case .editServer(let key, let server, let settings):
                let service = try find(key)
                try check(settings, server, key)
                let index = try find(server, in: service)
                guard isUnicast(server.address) else { throw .invalid }
                state.services[service].servers[index].settings = settings
            case .deleteServer(let key, let server):
                let service = try find(key)
                state.services[service].servers.remove(at: try find(server, in: service))
            case .setTimeouts(let tcp, let fin, let udp):
                if tcp != 0 { state.timeouts.tcp = tcp }
                if fin != 0 { state.timeouts.fin = fin }
                if udp != 0 { state.timeouts.udp = udp }
            case .zero(let key):
                if let key { _ = try find(key) }
            case .startDaemon(let daemon):
                try start(daemon)
            case .stopDaemon(let role):
                guard let index = state.daemons.firstIndex(where: { $0.role == role }) else { throw .daemonNotRunning }
                state.daemons.remove(at: index)
            }
        } catch {
            throw MockRefusal(errno: error.errno)
        }
    }

    private func index(_ key: ServiceKey) throws(MockRefusal) -> Int {
        do throws(CommandError) { return try find(key) } catch { throw MockRefusal(errno: error.errno) }
    }

    private func find(_ key: ServiceKey) throws(CommandError) -> Int {
        guard let index = state.services.firstIndex(where: { $0.key == key }) else { throw .noSuchService }
        return index
    }

    private func find(_ server: ServerKey, in service: Int) throws(CommandError) -> Int {
        guard let index = state.services[service].servers.firstIndex(where: { $0.key == server }) else { throw .noSuchServer }
        return index
    }

    private func check(_ settings: ServiceSettings, _ key: ServiceKey) throws(CommandError) {
        guard Self.schedulers.contains(settings.scheduler), engines.contains(settings.persistenceEngine) else {
            throw .notFound
        }
        guard key.family == .v4 || (1...128).contains(settings.netmask) else { throw .invalid }
    }

    private func check(_ settings: ServerSettings, _ server: ServerKey, _ service: ServiceKey) throws(CommandError) {
        if server.address.family != service.family, settings.method != .tunneling || !state.daemons.isEmpty { throw .invalid }
        guard settings.weight >= 0, settings.lowerThreshold <= settings.upperThreshold else { throw .outOfRange }
    }

    /// inet_addr_type and ipv6_addr_type, on a host whose networks have no broadcast address of their own.
    private func isUnicast(_ address: IPAddress) -> Bool {
        !address.isUnspecified && !address.isMulticast && address != IPAddress(v4: .max)
            && (address.isV4 || !address.isLinkLocal)
    }

    /// Only `lo` exists, with its MTU of 65536.
    private func start(_ wanted: SyncDaemon) throws(CommandError) {
        let isMixed = state.services.contains { service in
            service.servers.contains { $0.key.address.family != service.key.family }
        }
        guard !isMixed else { throw .invalid }
        guard wanted.interface == "lo" else { throw .noSuchDevice }
        guard !state.daemons.contains(where: { $0.role == wanted.role }) else { throw .daemonRunning }
        var daemon = wanted
        let isMaster = daemon.role == .master
        let headers = daemon.group?.isV4 ?? true ? 28 : 48
        let length = daemon.maximumLength == 0 ? (isMaster ? 1500 : 65535) - headers : Int(daemon.maximumLength)
        daemon.maximumLength = UInt16(min(max(length, isMaster ? 1 : 1024), 65535 - headers))
        daemon.group = daemon.group ?? IPAddress(v4: 0xe000_0051)
        if daemon.port == 0 { daemon.port = 8848 }
        if daemon.timeToLive == 0 { daemon.timeToLive = 1 }
        state.daemons.append(daemon)
    }

    /// Puts counters, connections and the like where no command puts them.
    func arrange(_ change: (inout Inventory, inout [ConnectionRecord]) -> Void) { change(&state, &table) }
}
