public import Admin
public import LVS
public import Wire

/// Which frames a recording keeps: those of some clients, or of some services.
public struct RecordFilter: Sendable {
    private var clients: [(network: IPAddress, length: Int)] = []
    private var services: [(address: IPAddress, port: UInt16?)] = []
    /// Servers of the services: from them come NAT's replies.
    private var servers: Set<IPAddress> = []

    /// - Parameters:
    ///   - clients: `ADDRESS` or `ADDRESS/LENGTH`, each.
    ///   - services: `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`, each.
    ///   - rules: the director's services, which name the servers.
    /// - Throws: `FileError` that names the word which is neither.
    public init(clients: [String], services: [String], rules: [ServicesFile.Rule]) throws(FileError) {
        for word in clients {
            let parts = word.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard let address = parts.first.flatMap({ IPAddress($0) }) else {
                throw FileError(file: "--client \(word)", text: "not an address")
            }
            let longest = address.isV4 ? 32 : 128
            guard parts.count == 1 || Int(parts[1]).map({ (0...longest).contains($0) }) == true else {
                throw FileError(file: "--client \(word)", text: "a length of 0 to \(longest) is possible")
            }
            let length = parts.count == 2 ? Int(parts[1]) ?? longest : longest
            self.clients.append((Self.masked(address, length), length))
        }
        for word in services {
            guard let service = Self.endpoint(word) else {
                throw FileError(file: "--service \(word)", text: "expected ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT")
            }
            guard Self.takes(service.0, service.1, rules) else {
                let known = rules.compactMap { if case .addService(let key, _) = $0.command { "\(key)" } else { nil } }
                throw FileError(
                    file: "--service \(word)",
                    text: "there is no such service, "
                        + (known.isEmpty
                            ? "nor any other" : "only " + known.prefix(8).joined(separator: ", ") + (known.count > 8 ? " and others" : "")))
            }
            self.services.append(service)
        }
        for rule in rules {
            guard case .addServer(let key, let server, _) = rule.command else { continue }
            if self.services.contains(where: { $0.address == key.address && ($0.port == nil || $0.port == key.port) }) {
                servers.insert(server.address)
            }
        }
    }

    /// Whether a service may take packets for an address and port; one by mark takes any.
    private static func takes(_ address: IPAddress, _ port: UInt16?, _ rules: [ServicesFile.Rule]) -> Bool {
        rules.contains { rule in
            guard case .addService(let key, _) = rule.command, key.family == address.family else { return false }
            guard key.mark == 0 else { return true }
            return key.address == address
                && (port == nil || key.port == port || key.port == 0 && key.ranges.isEmpty
                    || key.ranges.contains { $0.contains(port ?? 0) })
        }
    }

    /// Whether everything is kept.
    public var isOpen: Bool { clients.isEmpty && services.isEmpty }

    /// Whether a frame is kept. What is no IP packet is kept only without a filter; a packet without ports (a later fragment,
    /// ICMP) is judged by its addresses.
    public func keeps(_ frame: Frame) -> Bool {
        if isOpen { return true }
        let packet = Packet(frame)
        guard packet.kind == .ip else { return false }
        return keeps([(packet.flow.source, packet.flow.sourcePort), (packet.flow.destination, packet.flow.destinationPort)])
    }

    /// Whether packets of a connection are kept.
    func keeps(_ connection: Connection) -> Bool {
        isOpen || keeps([(connection.client, connection.clientPort), (connection.virtual, connection.virtualPort)])
    }

    private func keeps(_ ends: [(IPAddress, UInt16)]) -> Bool {
        let isClients =
            clients.isEmpty
            || ends.contains { end in
                clients.contains { end.0.family == $0.network.family && Self.masked(end.0, $0.length) == $0.network }
            }
        let isServices =
            services.isEmpty || servers.contains(ends[0].0)
            || ends.contains { end in
                services.contains { $0.address == end.0 && ($0.port == nil || end.1 == 0 || $0.port == end.1) }
            }
        return isClients && isServices
    }

    private static func masked(_ address: IPAddress, _ length: Int) -> IPAddress {
        address.isV4 ? IPAddress(v4: length == 0 ? 0 : address.v4 & (UInt32.max << UInt32(32 - length))) : address.masked(to: length)
    }

    static func endpoint(_ word: some StringProtocol) -> (IPAddress, UInt16?)? {
        DrainPlan.Target(word).map { ($0.address, $0.port) }
    }
}

extension Snapshot {
    /// Leaves out the connections and templates that a filter is not about, but for what others hang on.
    public mutating func keep(_ filter: RecordFilter) {
        guard !filter.isOpen else { return }
        var wanted: Set<Int32> = []
        var kept: [Entry] = []
        // What hangs on another comes behind it.
        for entry in entries.reversed() where wanted.contains(entry.number) || filter.keeps(entry.connection) {
            kept.append(entry)
            if entry.connection.controller >= 0 { wanted.insert(entry.connection.controller) }
        }
        entries = kept.reversed()
    }
}
