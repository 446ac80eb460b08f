public import LVS

/// What `svs top` shows: a director's rates, and below them services and servers with theirs, one screen of lines.
public struct TopText {
    /// What rows are ordered by; all but names the largest first.
    public enum Order: String, CaseIterable, Sendable { case name, active, connections, packets, bytes }

    /// What somebody has chosen to see.
    public struct View: Sendable {
        public var order = Order.name
        public var showsServers = true
        /// Rows of the table that are scrolled away.
        public var offset = 0
        public var isPaused = false

        public init() {}
    }

    public struct Line: Hashable, Sendable {
        public enum Style: Sendable { case plain, strong, title, fault }
        public var text: String
        public var style = Style.plain

        public init(_ text: String, _ style: Style = .plain) { (self.text, self.style) = (text, style) }
    }

    public static let keys = "q quit  n name  a active  c conn/s  p packets/s  b bytes/s  s servers  space pause"
    private static let widths = [6, 8, 8, 7, 9, 9, 9]

    private let head: [Line]
    private let rows: [(name: String, numbers: [String], isServer: Bool)]
    private let view: View

    public init(_ status: DirectorStatus, _ inventory: Inventory, _ view: View) {
        self.view = view
        let fill = status.capacity > 0 ? status.connections * 1000 / status.capacity : 0
        let verdicts = status.verdicts.filter { $0.rate > 0 }.sorted { ($1.rate, $0.name) < ($0.rate, $1.name) }
        var head = [
            Line(
                "svs \(status.version) for \(StatusText.period(status.uptime)): \(counted(status.connections, "connection")), "
                    + "table \(fill / 10).\(fill % 10) % full" + (view.isPaused ? "; paused" : ""), .strong),
            Line(
                "a second: \(counted(status.rates.connections, "connection")), \(status.rates.packetsIn) packets in, "
                    + "\(status.rates.packetsOut) out, \(StatusText.bytes(status.rates.bytesIn)) in, \(StatusText.bytes(status.rates.bytesOut)) out"
            ),
            Line("verdicts: " + (verdicts.isEmpty ? "none" : verdicts.map { "\($0.name) \($0.rate)" }.joined(separator: ", "))),
        ]
        if let fault = status.faults.first {
            let others = status.faults.count > 1 ? " (and \(counted(status.faults.count - 1, "other")))" : ""
            head.append(Line("\(fault.text)\(others)", .fault))
        }
        self.head = head
        rows = Self.ordered(inventory.services.map { Row($0) }, by: view.order) { ListingOrder.services($0.map(\.service)).map { Row($0) } }
            .flatMap { row in
                [(row.name, row.numbers, false)]
                    + (view.showsServers
                        ? Self.ordered(row.service.servers.map { ServerRow($0) }, by: view.order) {
                            ListingOrder.servers($0.map(\.server)).map { ServerRow($0) }
                        }.map { ($0.name, $0.numbers, true) } : [])
            }
    }

    /// How many rows the table has.
    public var count: Int { rows.count }

    /// Everything, as wide as names want it.
    public var whole: String {
        let name = max(Self.nameWidth(80), (rows.map { $0.name.count }.max() ?? 0) + 1)
        return (head.map(\.text) + ["", title(name)] + rows.map { line($0, name) }).map { $0 + "\n" }.joined()
    }

    /// What fits on a terminal: never a line more than `height`, nor one that is longer than `width`.
    public func screen(width: Int, height: Int) -> [Line] {
        let name = Self.nameWidth(width)
        let room = max(height - head.count - 2, 0)
        let shown = rows.dropFirst(min(view.offset, max(rows.count - room, 0))).prefix(room)
        var lines = head + [Line(title(name), .title)]
        lines += shown.map { Line(line($0, name), $0.isServer ? .plain : .strong) }
        while lines.count < height - 1 { lines.append(Line("")) }
        lines.append(Line(Self.keys, .title))
        return lines.prefix(max(height, 0)).map { Line(Self.cut($0.text, to: width), $0.style) }
    }

    private static func nameWidth(_ width: Int) -> Int { max(width - widths.reduce(0, +), 12) }

    private func title(_ name: Int) -> String {
        let titles = ["WEIGHT", "ACTIVE", "INACT", "CONN/S", "PKTS/S", "IN/S", "OUT/S"]
        let mark: [Order: Int] = [.active: 1, .connections: 3, .packets: 4, .bytes: 5]
        return (view.order == .name ? "SERVICE, SERVER" : "service, server").left(name)
            + zip(titles.indices, titles).map { ($0 == mark[view.order] ? $1 : $1.lowercased()).right(Self.widths[$0]) }.joined()
    }

    private func line(_ row: (name: String, numbers: [String], isServer: Bool), _ width: Int) -> String {
        Self.cut((row.isServer ? "  " : "") + row.name, to: width - 1).left(width)
            + zip(row.numbers, Self.widths).map { $0.right($1) }.joined()
    }

    private static func cut(_ text: String, to width: Int) -> String {
        text.count <= width ? text : String(text.prefix(max(width - 1, 0))) + (width > 0 ? "+" : "")
    }

    private static func ordered<One: TopRow>(_ all: [One], by order: Order, names: ([One]) -> [One]) -> [One] {
        let named = names(all)
        guard order != .name else { return named }
        return named.enumerated().sorted { a, b in
            let (first, second) = (a.element.value(order), b.element.value(order))
            return first != second ? first > second : a.offset < b.offset
        }.map(\.element)
    }
}

/// What a row of the table is made of.
private protocol TopRow {
    var rates: Counters { get }
    var active: UInt64 { get }
}

extension TopRow {
    func value(_ order: TopText.Order) -> UInt64 {
        switch order {
        case .name: 0
        case .active: active
        case .connections: rates.connections
        case .packets: rates.packetsIn + rates.packetsOut
        case .bytes: rates.bytesIn + rates.bytesOut
        }
    }

    fileprivate func numbers(_ weight: String, _ inactive: UInt64) -> [String] {
        [
            weight, "\(active)", "\(inactive)", "\(rates.connections)", "\(rates.packetsIn + rates.packetsOut)",
            StatusText.bytes(rates.bytesIn), StatusText.bytes(rates.bytesOut),
        ]
    }
}

private struct Row: TopRow {
    let service: ServiceRecord
    init(_ service: ServiceRecord) { self.service = service }
    var rates: Counters { service.statistics.rates }
    var active: UInt64 { service.servers.reduce(0) { $0 + UInt64($1.active) } }
    var name: String { "\(service.key)" }
    var numbers: [String] { numbers("", service.servers.reduce(0) { $0 + UInt64($1.inactive) }) }
}

private struct ServerRow: TopRow {
    let server: ServerRecord
    init(_ server: ServerRecord) { self.server = server }
    var rates: Counters { server.statistics.rates }
    var active: UInt64 { UInt64(server.active) }
    var name: String { "\(server.key)" }
    var numbers: [String] { numbers("\(server.settings.weight)", UInt64(server.inactive)) }
}
