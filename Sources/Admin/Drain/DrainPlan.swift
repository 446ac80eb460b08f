public import LVS
public import Wire

/// Servers that get no new connections for a while, and what gives them their weight back.
public struct DrainPlan: Hashable, Sendable {
    /// A server of one service.
    public struct Place: Hashable, Sendable {
        public var service: ServiceKey
        public var server: ServerKey

        public init(service: ServiceKey, server: ServerKey) { (self.service, self.server) = (service, server) }
    }

    /// `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`: a server of every service, or of those with one port.
    public struct Target: Hashable, Sendable {
        public var address: IPAddress
        public var port: UInt16?

        public init?(_ word: some StringProtocol) {
            if let address = IPAddress(word) {
                self.address = address
                return
            }
            guard let colon = word.lastIndex(of: ":"), let port = UInt16(word[word.index(after: colon)...]) else { return nil }
            var host = word[..<colon]
            if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
            guard let address = IPAddress(host) else { return nil }
            (self.address, self.port) = (address, port)
        }

        func matches(_ server: ServerKey) -> Bool { server.address == address && (port == nil || server.port == port) }
    }

    /// What is to be done, in order.
    public private(set) var commands: [Command] = []
    /// The servers that were meant.
    public private(set) var places: [Place] = []
    /// Servers that are drained, with the settings that they had before.
    public private(set) var remembered: [Place: ServerSettings]

    /// Takes the weight from servers.
    /// - Parameters:
    ///   - service: of this service only, where one is named.
    ///   - remembered: what is known of those that were drained before.
    public init(
        draining targets: [Target], of service: ServiceKey? = nil, in inventory: Inventory, remembered: [Place: ServerSettings] = [:]
    ) {
        self.remembered = remembered
        for (place, settings) in Self.found(targets, service, inventory) {
            places.append(place)
            // Of one that has no weight already, what it had before is known, or there is nothing to know.
            guard settings.weight != 0 else { continue }
            self.remembered[place] = settings
            var drained = settings
            drained.weight = 0
            commands.append(.editServer(place.service, place.server, drained))
        }
    }

    /// Gives servers their weight back.
    /// - Parameter weight: for those of which nothing is remembered.
    public init(
        undraining targets: [Target], of service: ServiceKey? = nil, in inventory: Inventory, remembered: [Place: ServerSettings],
        weight: Int32? = nil
    ) {
        self.remembered = remembered
        for (place, settings) in Self.found(targets, service, inventory) {
            places.append(place)
            let before = self.remembered.removeValue(forKey: place)?.weight ?? weight
            guard settings.weight == 0, let before else { continue }
            var restored = settings
            restored.weight = before
            commands.append(.editServer(place.service, place.server, restored))
        }
    }

    private static func found(_ targets: [Target], _ service: ServiceKey?, _ inventory: Inventory) -> [(Place, ServerSettings)] {
        inventory.services.filter { service == nil || $0.key == service }.flatMap { record in
            record.servers.filter { server in targets.contains { $0.matches(server.key) } }.map {
                (Place(service: record.key, server: $0.key), $0.settings)
            }
        }
    }

    /// What the servers still have: active, inactive and persistent connections.
    public func rest(in inventory: Inventory) -> (active: UInt64, inactive: UInt64, persistent: UInt64) {
        var rest: (active: UInt64, inactive: UInt64, persistent: UInt64) = (0, 0, 0)
        for service in inventory.services {
            for server in service.servers where places.contains(Place(service: service.key, server: server.key)) {
                rest.active += UInt64(server.active)
                rest.inactive += UInt64(server.inactive)
                rest.persistent += UInt64(server.persistent)
            }
        }
        return rest
    }

    /// What is remembered, as lines of ipvsadm's language.
    public var text: String {
        let lines = remembered.compactMap { SaveFormat.line(for: .editServer($0.key.service, $0.key.server, $0.value)) }
        return lines.sorted().map { $0 + "\n" }.joined()
    }

    /// Reads such lines.
    /// - Throws: `FileError` for a line that is none of them.
    public static func remembered(in text: String, file: String) throws(FileError) -> [Place: ServerSettings] {
        var remembered: [Place: ServerSettings] = [:]
        for case .editServer(let service, let server, let settings) in try ServicesFile.commands(in: text, file: file) {
            remembered[Place(service: service, server: server)] = settings
        }
        return remembered
    }
}
