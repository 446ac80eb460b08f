public import Wire

/// Where replies come from that the director translates on their way to the client.
public struct ReplyEndpoint: Hashable, Sendable {
    public var address: IPAddress
    /// In host order; 0 for every port.
    public var port: UInt16
    /// 0 for servers of mark services, which take any protocol.
    public var proto: UInt8
}

/// The endpoints that replies to translate come from, kept up to date with each command. A server that was removed, or is sent to
/// by another method since, is among them as long as it has connections: their replies are translated as before.
struct NATServers {
    /// As commands name them (the kernel's table of real servers).
    private var endpoints = CountedSet<ReplyEndpoint>()
    private var replies = CountedSet<ReplyEndpoint>()
    private var addresses = CountedSet<IPAddress>()
    private var formerByID: [ServerID: ReplyEndpoint] = [:]
    /// How often one that was removed has been forgotten.
    private(set) var forgotten: UInt64 = 0

    mutating func add(_ server: ServerKey, of service: VirtualService) {
        endpoints.add(ReplyEndpoint(server, of: service.key, keepsPorts: false))
        add(ReplyEndpoint(server, of: service.key, keepsPorts: service.settings.keepsPorts(of: service.key)))
    }

    mutating func remove(_ server: ServerKey, of service: VirtualService) {
        endpoints.remove(ReplyEndpoint(server, of: service.key, keepsPorts: false))
        remove(ReplyEndpoint(server, of: service.key, keepsPorts: service.settings.keepsPorts(of: service.key)))
    }

    private mutating func add(_ reply: ReplyEndpoint) {
        replies.add(reply)
        addresses.add(reply.address)
    }

    private mutating func remove(_ reply: ReplyEndpoint) {
        replies.remove(reply)
        addresses.remove(reply.address)
    }

    /// Whether a NAT server listens there, for a service of this protocol or a mark (ip_vs_has_real_service).
    func contains(_ address: IPAddress, _ port: UInt16, _ proto: UInt8) -> Bool { Self.has(address, port, proto, in: endpoints, addresses) }

    /// Whether what comes from there may be a reply to translate.
    func mayReply(_ address: IPAddress, _ port: UInt16, _ proto: UInt8) -> Bool {
        Self.has(address, port, proto, in: replies, addresses) || Self.has(address, 0, proto, in: replies, addresses)
    }

    /// Whether a NAT server has this address.
    func contains(_ address: IPAddress) -> Bool { addresses.contains(address) }

    private static func has(
        _ address: IPAddress, _ port: UInt16, _ proto: UInt8, in set: CountedSet<ReplyEndpoint>, _ addresses: CountedSet<IPAddress>
    ) -> Bool {
        guard addresses.contains(address) else { return false }
        return set.contains(ReplyEndpoint(address: address, port: port, proto: proto))
            || set.contains(ReplyEndpoint(address: address, port: port, proto: 0))
    }

    /// Replies of servers that are NAT servers no more, or none of this service.
    var former: Set<ReplyEndpoint> { Set(formerByID.values) }

    mutating func keep(_ id: ServerID, _ server: ServerKey, of service: ServiceKey) {
        guard formerByID[id] == nil else { return }
        let reply = ReplyEndpoint(server, of: service, keepsPorts: service.mayKeepPorts)
        formerByID[id] = reply
        add(reply)
    }

    mutating func forgetFormer(where isIdle: (ServerID) -> Bool) {
        for (id, reply) in formerByID where isIdle(id) {
            formerByID[id] = nil
            remove(reply)
            forgotten += 1
        }
    }
}

extension ReplyEndpoint {
    fileprivate init(_ server: ServerKey, of service: ServiceKey, keepsPorts: Bool) {
        (address, port) = (server.address, keepsPorts ? 0 : server.port)
        proto = service.mark != 0 ? 0 : service.proto
    }
}

extension ServiceKey {
    /// Whether persistence makes connections go to the port that the client asked for.
    fileprivate var mayKeepPorts: Bool { mark != 0 || port == 0 || port == 21 }
}

extension ServiceSettings {
    /// Whether connections may go to the port that the client asked for, whatever port the server has: those of persistent
    /// services that take more than one port.
    public func keepsPorts(of service: ServiceKey) -> Bool { flags.contains(.persistent) && service.mayKeepPorts }
}

extension Director {
    /// Replies that are still translated though no service has that server with NAT any more.
    public var formerReplies: Set<ReplyEndpoint> { host.natServers.former }
    /// How often some of these ended.
    public var formerRepliesEnded: UInt64 { host.natServers.forgotten }

    /// Whether an address is that of a server whose packets are translated on their way to the client.
    func isTranslated(_ address: IPAddress) -> Bool { host.natServers.contains(address) }

    /// A server of a service is there, or is to go, with the method that it has now.
    mutating func noteTranslation(_ server: ServerID, of service: VirtualService, isThere: Bool) {
        guard servers[server].settings.method == .masquerading else { return }
        if isThere { return host.natServers.add(servers[server].key, of: service) }
        host.natServers.remove(servers[server].key, of: service)
        keepTranslating(server, of: service.key)
    }

    private mutating func keepTranslating(_ server: ServerID, of service: ServiceKey) {
        guard servers[server].settings.method == .masquerading, servers[server].total > 0 else { return }
        host.natServers.keep(server, servers[server].key, of: service)
    }

    /// Servers that were in the trash before their connections were there.
    mutating func keepTranslatingForTrash() {
        for (name, entry) in servers.trash.entries { keepTranslating(entry.server, of: name.service) }
    }
}
