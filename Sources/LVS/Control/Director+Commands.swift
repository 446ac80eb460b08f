import Wire

extension Director {
    /// Carries out one command, wholly or not at all. When it returns, no frame is carried any more that it forbids.
    /// - Throws: why it was refused, as the kernel's control interface would; nothing has changed then.
    public mutating func apply(_ command: Command) throws(CommandError) {
        defer {
            takeBackOutdated()
            settleCarrying()
            noteProgress()
        }
        switch command {
        case .addService(let key, let settings): try addService(key, settings)
        case .editService(let key, let settings): try editService(key, settings)
        case .deleteService(let key): removeService(try service(key))
        case .flush: for service in services.all { removeService(service) }
        case .addServer(let key, let server, let settings): try addServer(server, settings, to: try service(key))
        case .editServer(let key, let server, let settings): try editServer(server, settings, of: try service(key))
        case .deleteServer(let key, let server): try deleteServer(server, of: try service(key))
        case .setTimeouts(let tcp, let fin, let udp): try setTimeouts(tcp: tcp, fin: fin, udp: udp)
        case .zero(let key): try zero(key)
        case .startDaemon(let daemon):
            try startDaemon(daemon)
            host.virtuals.outdate()
        case .stopDaemon(let role):
            guard services.daemons.contains(where: { $0.role == role }) else { throw .daemonNotRunning }
            services.daemons.removeAll { $0.role == role }
            host.virtuals.outdate()
            if role == .master { synchronisation.stop() }
        }
    }

    func service(_ key: ServiceKey) throws(CommandError) -> VirtualService {
        guard let service = services.find(key) else { throw .noSuchService }
        return service
    }

    private mutating func addService(_ key: ServiceKey, _ settings: ServiceSettings) throws(CommandError) {
        guard services.find(key) == nil else { throw .serviceExists }
        let scheduler = try scheduler(settings)
        try check(settings, key)
        let slots = services.slots.view
        let make = { VirtualService(id: $0, key: key, settings: settings, scheduler: scheduler, slots: slots) }
        var added = services.add(key, make: make)
        if added == nil {
            releaseServicePlaces()
            added = services.add(key, make: make)
        }
        guard let service = added else { throw .noMemory }
        host.addLocalRanges(settings.localAddresses)
        followVirtualAddress(of: key)
        start(service)
    }

    private mutating func editService(_ key: ServiceKey, _ settings: ServiceSettings) throws(CommandError) {
        let service = try service(key)
        let scheduler = try scheduler(settings)
        try check(settings, key)
        let isSame = service.settings.scheduler == settings.scheduler
        if !settings.hasSameTimeouts(as: service.settings) { for server in service.servers { stop(to: server, .timeouts) } }
        host.addLocalRanges(settings.localAddresses)
        host.removeLocalRanges(service.settings.localAddresses)
        let translatesAnew = service.settings.keepsPorts(of: key) != settings.keepsPorts(of: key)
        if translatesAnew { for server in service.servers { noteTranslation(server, of: service, isThere: false) } }
        service.settings = settings
        if translatesAnew { for server in service.servers { noteTranslation(server, of: service, isThere: true) } }
        if isSame, let running = service.scheduler {
            running.flagsChanged(settings.flags)
        } else {
            service.scheduler = scheduler
            start(service)
        }
        for server in service.servers { markOwnTimeouts(server, service) }
    }

    private func scheduler(_ settings: ServiceSettings) throws(CommandError) -> (any Scheduler)? {
        guard settings.persistenceEngine.isEmpty || PersistenceEngines.named(settings.persistenceEngine) != nil else { throw .notFound }
        if settings.scheduler == Schedulers.none { return nil }
        guard let scheduler = Schedulers.named(settings.scheduler, flags: settings.flags) else { throw .notFound }
        return scheduler
    }

    private func check(_ settings: ServiceSettings, _ key: ServiceKey) throws(CommandError) {
        if key.family == .v6, !(1...128).contains(settings.netmask) { throw .invalid }
        guard key.ranges.count <= ServiceSlot.maximumRanges else { throw .invalid }
        for range in settings.localAddresses {
            for end in [range.lowerBound, range.upperBound] where end.family != key.family || end.isUnspecified || end.isMulticast {
                throw .invalid
            }
        }
    }

    private mutating func start(_ service: VirtualService) {
        service.scheduler?.tunablesChanged(tunables)
        change(.started, of: service)
    }

    /// Tells the scheduler what happened to the service's servers.
    private mutating func change(_ change: ServerChange, of service: VirtualService) {
        service.scheduler?.serversChanged(change, in: candidates(service))
        if memory.isLent { noteForgotten(by: service) }
    }

    func candidates(_ service: VirtualService) -> Candidates {
        Candidates(order: service.servers, pool: servers.slots, shown: servers.estimators, family: service.key.family)
    }

    private mutating func removeService(_ service: VirtualService) {
        for server in service.servers {
            endCarrying(to: server, of: service)
            noteTranslation(server, of: service, isThere: false)
            discard(server, of: service)
        }
        service.removeServers()
        if !servers.isInheriting { remembered.forget(of: service.id, except: []) }
        services.remove(service)
        host.removeLocalRanges(service.settings.localAddresses)
        followVirtualAddress(of: service.key)
    }

    private mutating func addServer(_ key: ServerKey, _ settings: ServerSettings, to service: VirtualService) throws(CommandError) {
        try check(settings, key, service)
        guard service.server(key) == nil else { throw .serverExists }
        let id: ServerID
        if let revived = takeFromTrash(key, for: service) {
            id = revived
        } else {
            guard isUnicast(key.address) else { throw .invalid }
            let server = RealServer(key: key, settings: settings, service: service.id, sequence: service.sequence)
            guard let fresh = servers.add(server) else { throw .noMemory }
            id = fresh
        }
        servers[id].service = service.id
        servers[id].homeSequence = service.sequence
        servers[id].flags.insert(.available)
        if !servers.isInheriting || settings.weight != 0 { servers[id].lastWeight = settings.weight }
        take(settings, for: id)
        service.add(id, key)
        noteTranslation(id, of: service, isThere: true)
        markOwnTimeouts(id, service)
        change(.added(0), of: service)
    }

    private mutating func editServer(_ key: ServerKey, _ settings: ServerSettings, of service: VirtualService) throws(CommandError) {
        try check(settings, key, service)
        guard let place = service.place(of: key) else { throw .noSuchServer }
        let server = service.servers[place]
        noteTranslation(server, of: service, isThere: false)
        take(settings, for: server)
        noteTranslation(server, of: service, isThere: true)
        followWay(to: server)
        change(.edited(place), of: service)
    }

    private mutating func deleteServer(_ key: ServerKey, of service: VirtualService) throws(CommandError) {
        guard let place = service.place(of: key) else { throw .noSuchServer }
        let server = service.servers[place]
        endCarrying(to: server, of: service)
        service.remove(at: place, key)
        noteTranslation(server, of: service, isThere: false)
        change(.removed(place, key), of: service)
        discard(server, of: service)
    }

    /// New settings; the weight that `mh` remembers and the overload follow.
    private mutating func take(_ settings: ServerSettings, for server: ServerID) {
        servers[server].settings = settings
        if settings.weight != 0 { servers[server].flags.remove(.resetting) }
        if settings.weight != 0 || servers[server].lastWeight < 0 { servers[server].lastWeight = settings.weight }
        servers[server].path = Path()
        // What another director left has its overload judged when its connections are counted, and its numbers go on.
        guard !servers.isInheriting else { return }
        servers[server].thresholdsChanged()
        servers.forgetOuterHeaders(server)
    }

    private func check(_ settings: ServerSettings, _ key: ServerKey, _ service: VirtualService) throws(CommandError) {
        if key.address.family != service.key.family {
            guard settings.method == .tunneling, services.daemons.isEmpty else { throw .invalid }
        }
        guard settings.weight >= 0, settings.lowerThreshold <= settings.upperThreshold else { throw .outOfRange }
        guard settings.upperThreshold <= UInt32(Int32.max) else { throw .invalid }
        if settings.method == .tunneling, settings.tunnel == .gue, settings.tunnelPort == 0 { throw .invalid }
    }

    /// Servers are single hosts: no group, no broadcast, nothing link-local in IPv6.
    private func isUnicast(_ address: IPAddress) -> Bool {
        guard !address.isUnspecified, !address.isMulticast else { return false }
        guard address.isV4 else { return !address.isLinkLocal }
        return address.v4 != .max && !host.network.isBroadcast(address)
    }

    private mutating func setTimeouts(tcp: UInt32, fin: UInt32, udp: UInt32) throws(CommandError) {
        guard max(tcp, fin, udp) <= 21_474_836 else { throw .invalid }
        let before = connections.timeouts.shown
        connections.timeouts.set(tcp: tcp, fin: fin, udp: udp)
        if connections.timeouts.shown != before { stopAll(.timeouts) }
    }

    /// Notes the daemon with the numbers that the kernel would run it with.
    private mutating func startDaemon(_ wanted: SyncDaemon) throws(CommandError) {
        let isMixed = services.all.contains { service in service.servers.contains { servers[$0].key.address.family != service.key.family } }
        guard !isMixed else { throw .invalid }
        guard let interface = host.network.interface(named: wanted.interface) else { throw .noSuchDevice }
        guard !services.daemons.contains(where: { $0.role == wanted.role }) else { throw .daemonRunning }
        var daemon = wanted
        let group = wanted.group ?? IPAddress(v4: 0xe000_0051)
        let isMaster = wanted.role == .master
        // A master fills messages to the usual MTU, a backup takes what its link carries.
        let headers = group.family.headerLength + 8
        let usual = (isMaster ? 1500 : min(max(interface.mtu, 1500), 65535)) - headers
        let length = wanted.maximumLength == 0 ? usual : Int(wanted.maximumLength)
        daemon.maximumLength = UInt16(min(max(length, isMaster ? 1 : 1024), 65535 - headers))
        daemon.group = group
        if daemon.port == 0 { daemon.port = 8848 }
        if daemon.timeToLive == 0 { daemon.timeToLive = 1 }
        if services.daemons.isEmpty { services.syncPorts = min(max(Int(tunables.syncPorts), 1), 64) }
        services.daemons.append(daemon)
        guard isMaster else { return }
        synchronisation.start(daemon, threads: services.syncPorts, capacity: connections.table.capacity, at: clockwork.now)
    }

    private mutating func markOwnTimeouts(_ server: ServerID, _ service: VirtualService) {
        let settings = service.settings
        let hasOwn = settings.timeoutTCP != 0 || settings.timeoutFIN != 0 || settings.timeoutUDP != 0
        if hasOwn { servers[server].flags.insert(.ownTimeouts) } else { servers[server].flags.remove(.ownTimeouts) }
    }
}
