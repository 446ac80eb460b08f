internal import LVS

/// Which services or servers of all are shown, and in which order; what the query of the page's address says.
public struct ServiceChoice: Hashable, Sendable {
    public enum Order: String, CaseIterable, Hashable, Sendable {
        case name, connections, packets, bytes, active

        /// What is counted, the most first; by name there is nothing.
        func key(_ statistics: Statistics, active: UInt64) -> UInt64 {
            switch self {
            case .name: 0
            case .connections: statistics.rates.connections
            case .packets: statistics.rates.packetsIn &+ statistics.rates.packetsOut
            case .bytes: statistics.rates.bytesIn &+ statistics.rates.bytesOut
            case .active: active
            }
        }
    }

    /// Words that must all be somewhere in a service's or a server's name.
    public var words: String
    public var order: Order
    /// Which part of them, from 0.
    public var part: Int

    /// Rows of one part.
    public static var length: Int { 50 }

    public init(words: String = "", order: Order = .name, part: Int = 0) { (self.words, self.order, self.part) = (words, order, part) }

    public init(_ query: [String: String]) {
        words = String((query["q"] ?? "").prefix(100))
        order = query["sort"].flatMap(Order.init) ?? .name
        part = query["from"].flatMap { Int($0) }.map { min(max($0, 0), 1 << 20) } ?? 0
    }

    /// The rows of this part, and how many all parts have.
    func rows<Row>(of all: [Row], name: (Row) -> String, key: (Order, Row) -> UInt64) -> (rows: [Row], total: Int) {
        let wanted = words.lowercased().split(separator: " ")
        var found = all
        if !wanted.isEmpty {
            found = all.filter { row in
                let name = name(row).lowercased()
                return wanted.allSatisfy { name.contains($0) }
            }
        }
        if order != .name {
            let keyed = found.map { (key(order, $0), $0) }.enumerated()
            found = keyed.sorted { a, b in a.element.0 != b.element.0 ? a.element.0 > b.element.0 : a.offset < b.offset }.map(\.element.1)
        }
        return (Array(found.dropFirst(part * Self.length).prefix(Self.length)), found.count)
    }

    /// The address of the same page with another choice.
    /// - Parameter more: what the query says besides.
    func address(_ path: String, _ more: String, order: Order? = nil, part: Int) -> String {
        var parts = more.isEmpty ? [] : [more]
        let order = order ?? self.order
        if !words.isEmpty { parts.append("q=\(RequestHead.encoded(words))") }
        if order != .name { parts.append("sort=\(order.rawValue)") }
        if part > 0 { parts.append("from=\(part)") }
        return parts.isEmpty ? path : path + "?" + parts.joined(separator: "&")
    }
}
