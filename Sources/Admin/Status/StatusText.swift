/// A status as people read it, in 80 columns where the words allow.
public struct StatusText {
    public let text: String

    /// - Parameter services: a listing to put behind it; empty for none.
    public init(_ status: DirectorStatus, services: String = "") {
        var parts = [Self.head(status), Self.interfaces(status), Self.addresses(status), Self.verdicts(status)]
        parts.append(
            Self.list(
                "NEIGHBOURS that do not answer",
                status.failing.map { neighbor in
                    "\(neighbor.address) on \(neighbor.interface)"
                        + (neighbor.servers > 0 ? ", with \(counted(neighbor.servers, "server")) behind" : "")
                }))
        parts.append(Self.list("CLAIMED BY OTHERS", status.claims.map { "\($0.address) by \($0.mac) on \($0.interface)" }))
        parts.append(Self.list("SWITCHES that are not as usual", status.switches.filter { !$0.isUsual }.map { "\($0.name) = \($0.value)" }))
        parts.append(services)
        text = parts.filter { !$0.isEmpty }.joined(separator: "\n")
    }

    private static func head(_ status: DirectorStatus) -> String {
        let fill = status.capacity > 0 ? status.connections * 1000 / status.capacity : 0
        let carried = status.carried > 0 ? ", \(status.carried) of them from before the start" : ""
        var lines = [
            "svs \(status.version), process \(status.process), for \(period(status.uptime))",
            "\(counted(status.services, "service")), \(counted(status.servers, "server")), "
                + "\(counted(status.connections, "connection"))\(carried); table \(fill / 10).\(fill % 10) % full",
            "a second: \(counted(status.rates.connections, "connection")), \(status.rates.packetsIn) packets in and "
                + "\(status.rates.packetsOut) out, \(bytes(status.rates.bytesIn)) in and \(bytes(status.rates.bytesOut)) out",
            "together: \(counted(status.sums.connections, "connection")), \(status.sums.packetsIn) packets in and "
                + "\(status.sums.packetsOut) out, \(bytes(status.sums.bytesIn)) in and \(bytes(status.sums.bytesOut)) out",
        ]
        if !status.daemons.isEmpty { lines.append("synchronisation: \(status.daemons.joined(separator: ", "))") }
        if let carrying = status.carrying { lines.append(self.carrying(carrying)) }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func carrying(_ status: DirectorStatus.Carrying) -> String {
        let reasons = status.takenBack.map { "\($0.name) \($0.number)" }.joined(separator: ", ")
        let back = status.takenBack.reduce(0) { $0 + $1.number }
        return "carried by the kernel: \(counted(status.flows, "flow")) now, \(counted(status.frames, "frame")) so far; "
            + "\(status.handedOver) handed over, \(back) taken back" + (reasons.isEmpty ? "" : " (\(reasons))")
    }

    private static func interfaces(_ status: DirectorStatus) -> String {
        let title = "INTERFACE".left(16) + "STATE".left(11)
        let columns = ["RECEIVED", "SENT", "MISSED", "CUT", "FULL", "REFUSED"]
        return title + row(columns) + "\n"
            + status.interfaces.map { one in
                let numbers = [one.received, one.sent, one.missed, one.truncated, one.queueFull, one.refused]
                return one.name.left(16) + one.state.rawValue.left(11) + row(numbers.map(String.init)) + "\n"
            }.joined()
    }

    private static func row(_ words: [String]) -> String { zip(words, [12, 12, 8, 6, 6, 8]).map { $0.right($1) }.joined() }

    private static func addresses(_ status: DirectorStatus) -> String {
        guard !status.addresses.isEmpty else { return "" }
        let words = ["host": "this host", "director": "svs itself (--own)", "nobody": "nobody here: its packets pass"]
        return "VIRTUAL ADDRESS".left(42) + "HELD BY\n"
            + status.addresses.map { $0.address.left(42) + (words[$0.holder] ?? $0.holder) + "\n" }.joined()
    }

    private static func verdicts(_ status: DirectorStatus) -> String {
        guard !status.verdicts.isEmpty else { return "" }
        return "FRAMES BY VERDICT".left(42) + "TOGETHER".right(16) + "A SECOND".right(16) + "\n"
            + status.verdicts.map { $0.name.left(42) + $0.frames.right(16) + $0.rate.right(16) + "\n" }.joined()
    }

    private static func list(_ title: String, _ lines: [String]) -> String {
        lines.isEmpty ? "" : "\(title)\n" + lines.map { "  \($0)\n" }.joined()
    }

    /// Seconds in the two largest units.
    static func period(_ seconds: UInt64) -> String {
        switch seconds {
        case ..<60: "\(seconds) s"
        case ..<3600: "\(seconds / 60) min \(seconds % 60) s"
        case ..<86_400: "\(seconds / 3600) h \(seconds % 3600 / 60) min"
        default: "\(counted(seconds / 86_400, "day")) \(seconds % 86_400 / 3600) h"
        }
    }

    static func bytes(_ number: UInt64) -> String {
        let units = ["kB", "MB", "GB", "TB", "PB"]
        guard number >= 1000 else { return "\(number) B" }
        var tenths = number / 100, unit = 0
        while tenths >= 10_000, unit + 1 < units.count {
            tenths /= 1000
            unit += 1
        }
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }
}
