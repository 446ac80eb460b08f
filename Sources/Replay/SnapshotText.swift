internal import Admin
public import LVS
internal import Wire

/// The file `connections` of a case: what a director knew when the case began. One connection, template or position a line,
/// times in seconds, what belongs to a service or server named as ipvsadm does behind `of`:
///
///     clock 1700000000.25
///     service position 1 of -t 192.0.2.1:80
///     remembered 203.0.113.9 by 10.0.0.2:80 times -4.5 of -t 192.0.2.1:80
///     server last-weight 1 ids 4711,- of -t 192.0.2.1:80 -r 10.0.0.2:80
///     template tcp 198.51.100.0:0 192.0.2.1:80 10.0.0.2:80 ASSURED expires 299.5 timeout 300 method route number 7 of -t …
///     tcp 198.51.100.7:5555 192.0.2.1:80 10.0.0.2:80 ESTABLISHED expires 899.5 method route flags no-output under 7 of -t …
public struct SnapshotText {
    private let snapshot: Snapshot

    public init(_ snapshot: Snapshot) { self.snapshot = snapshot }

    /// Nanoseconds as seconds with as many decimals as they need.
    static func seconds(_ time: Instant) -> String {
        let magnitude = time.magnitude
        var decimals = String(magnitude % second.magnitude)
        decimals = String(repeating: "0", count: 9 - decimals.utf8.count) + decimals
        while decimals.hasSuffix("0") { decimals.removeLast() }
        return (time < 0 ? "-" : "") + "\(magnitude / second.magnitude)" + (decimals.isEmpty ? "" : "." + decimals)
    }

    /// Everything but the connections.
    public var positions: [String] {
        var lines = ["clock \(Self.seconds(snapshot.clock))"]
        if let dice = snapshot.generator { lines.append("dice \(dice)") }
        if let due = snapshot.due {
            lines.append("due \(Self.seconds(due.estimate)) \(Self.seconds(due.second)) \(Self.seconds(due.trash))")
        }
        for path in snapshot.pathMTUs { lines.append("path-mtu \(path.address) \(path.mtu) \(Self.seconds(path.left))") }
        for ports in snapshot.ports {
            lines.append("ports \(Self.name(ports.proto)) \(ports.local) \(ports.server) \(ports.next)")
        }
        for gone in snapshot.gone {
            if let line = SaveFormat.line(for: .addServer(gone.key.service, gone.key.server, gone.settings)) {
                lines.append("gone of \(line.dropFirst(3))")
            }
        }
        for service in snapshot.services where !service.memory.isEmpty || service.nextLocalAddress != 0 {
            let memory = service.memory, owner = " of " + SaveFormat.words(for: service.key)
            var line = "service"
            if !memory.position.isEmpty { line += " position " + memory.position.map(String.init).joined(separator: ",") }
            if !memory.times.isEmpty { line += " times " + memory.times.map(Self.seconds).joined(separator: ",") }
            if service.nextLocalAddress != 0 { line += " local \(service.nextLocalAddress)" }
            lines.append(line + owner)
            for item in memory.items {
                lines.append(
                    "remembered \(item.address)" + item.servers.map { " by \($0)" }.joined()
                        + " times " + item.times.map(Self.seconds).joined(separator: ",") + owner)
            }
        }
        for server in snapshot.servers {
            var line = "server"
            if server.isOverloaded { line += " overloaded" }
            if let weight = server.lastWeight { line += " last-weight \(weight)" }
            let rates = Self.numbers(server.rates.average) + Self.numbers(server.rates.passed)
            if rates.contains(where: { $0 != 0 }) { line += " rates " + rates.map(String.init).joined(separator: ",") }
            if server.outerIDs.contains(where: { $0 != nil }) {
                line += " ids " + server.outerIDs.map { $0.map(String.init) ?? "-" }.joined(separator: ",")
            }
            lines.append(line + " of " + SaveFormat.words(for: server.key.service, server.key.server))
        }
        return lines
    }

    private static func numbers(_ counters: Counters) -> [UInt64] {
        [counters.connections, counters.packetsIn, counters.packetsOut, counters.bytesIn, counters.bytesOut]
    }

    /// One connection or template.
    public static func line(_ entry: Snapshot.Entry) -> String {
        let connection = entry.connection
        let isTemplate = connection.flags.contains(.template)
        let state =
            isTemplate
            ? Transport.templateStateName(connection.flags.contains(.assured) ? 1 : 0)
            : Transport.stateName(proto: connection.proto, state: connection.state)
        var line = isTemplate ? "template " : ""
        line += "\(name(connection.proto)) \(ServerKey(address: connection.client, port: connection.clientPort))"
        line += " \(ServerKey(address: connection.virtual, port: connection.virtualPort))"
        line += " \(ServerKey(address: connection.serverAddress, port: connection.serverPort)) \(state)"
        line += " expires \(seconds(connection.expires)) method \(methods[Int(connection.method.rawValue)])"
        // Of all others the state says whether they came to life.
        let told = connection.proto == IPProtocol.udp && !isTemplate ? connection.flags : connection.flags.subtracting(.assured)
        let flags = SnapshotText.flags.filter { told.contains($0.flag) }.map(\.name)
        if !flags.isEmpty { line += " flags " + flags.joined(separator: ",") }
        if connection.timeout != 0 { line += " timeout \(connection.timeout)" }
        if connection.packetsIn != 0 { line += " packets \(connection.packetsIn)" }
        if connection.mark != 0 { line += " mark \(connection.mark)" }
        if connection.localPort != 0 { line += " local \(ServerKey(address: connection.localAddress, port: connection.localPort))" }
        if let stream = entry.stream { line += " stream \(text(stream))" }
        if !entry.engine.isEmpty { line += " engine \(entry.engine) data \(hex(entry.data))" }
        if connection.children > 0 { line += " number \(entry.number)" }
        if connection.controller >= 0 { line += " under \(connection.controller)" }
        if let server = entry.server { line += " of " + SaveFormat.words(for: server.service, server.server) }
        return line
    }

    /// Writes the file of a director's state, bit by bit, so that no table is too large.
    /// - Parameters:
    ///   - offset: of the file's clock to the director's.
    ///   - filter: which connections and templates are wanted.
    ///   - write: takes bytes; false ends it.
    /// - Returns: whether all was written.
    public static func write(
        _ director: borrowing Director, offset: Instant, _ filter: RecordFilter, to write: ([UInt8]) -> Bool
    ) -> Bool {
        var positions = director.snapshotOfPositions()
        positions.clock += offset
        let wanted = filter.isOpen ? nil : director.snapshotNumbers { filter.keeps($0) }
        var bytes = Array(SnapshotText(positions).text.utf8)
        var isWritten = true
        director.eachSnapshotEntry { entry in
            guard isWritten, wanted?.contains(entry.number) ?? true else { return }
            bytes += line(entry).utf8
            bytes.append(0x0a)
            guard bytes.count >= 1 << 16 else { return }
            isWritten = write(bytes)
            bytes.removeAll(keepingCapacity: true)
        }
        return isWritten && write(bytes)
    }

    /// The whole file.
    public var text: String {
        (positions + snapshot.entries.map(Self.line)).map { $0 + "\n" }.joined()
    }

    /// By the number that the kernel's flags give them; FULLNAT is ours.
    static let methods = ["masq", "local", "tunnel", "route", "bypass", "fullnat"]

    /// Flags that do not follow from the rest of the line.
    static let flags: [(name: String, flag: Connection.Flags)] = [
        ("no-output", .noOutput), ("synchronised", .synchronised), ("retired", .retired), ("superseded", .superseded),
        ("answered", .assured),
    ]

    static let options: [(name: String, option: ClientAddressOption)] = [("none", .none), ("toa", .toa), ("proxy", .proxyProtocol)]

    private static func text(_ stream: ClientStream) -> String {
        let name = options[Int(stream.option.rawValue)].name
        let progress = (stream.isHeaderSent ? "s" : "") + (stream.isHeaderTaken ? "t" : "")
        return
            "\(name):\(stream.clientStart):\(stream.hasServerStart ? "\(stream.serverStart)" : "-"):\(progress.isEmpty ? "-" : progress):\(stream.segmentLimit)"
    }

    static func name(_ proto: UInt8) -> String {
        switch proto {
        case 0: "ip"
        case IPProtocol.tcp: "tcp"
        case IPProtocol.udp: "udp"
        case IPProtocol.sctp: "sctp"
        default: "\(proto)"
        }
    }

    static func hex(_ bytes: [UInt8]) -> String {
        bytes.isEmpty ? "-" : bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
