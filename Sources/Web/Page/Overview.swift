internal import Admin
internal import LVS
internal import Wire

/// How the whole director is.
struct Overview {
    private let status: DirectorStatus
    private let history: [DirectorStatus.Traffic]
    private let age: UInt64

    init(_ observation: ObservedDirector, now: Instant) {
        (status, history) = (observation.status, observation.history)
        age = UInt64(max(now - observation.at, 0) / second)
    }

    /// Four charts, and how full the table is.
    var sums: HTML {
        let fill = Amount.share(status.connections, of: status.capacity)
        return """
            <h1 class="away">How the director is</h1>
            <p class="lead">svs \(status.version), process \(status.process), for \(Amount.period(status.uptime)) · \
            \(Amount.grouped(status.services)) \(status.services == 1 ? "service" : "services"), \
            \(Amount.grouped(status.servers)) \(status.servers == 1 ? "server" : "servers")\
            \(status.daemons.isEmpty ? "" : " · synchronisation: \(status.daemons.joined(separator: ", "))")\
            \(age > 3 ? " · \(Amount.period(age)) ago" : "")</p>
            <div class="tiles">
            \(Self.tile("Connections a second", Amount.count(status.rates.connections), history.map(\.connections)))
            \(Self.tile("Packets in a second", Amount.count(status.rates.packetsIn), history.map(\.packetsIn)))
            \(Self.tile("Bytes in a second", Amount.bytes(status.rates.bytesIn), history.map(\.bytesIn)))
            \(Self.tile("Bytes out a second", Amount.bytes(status.rates.bytesOut), history.map(\.bytesOut)))
            <div class="tile"><h2>Connections in the table</h2><p class="figure">\(Amount.count(status.connections)) \
            <small>of \(Amount.count(status.capacity)), \(fill)</small></p>\
            <meter min="0" max="\(max(status.capacity, 1))" high="\(status.capacity / 4 * 3)" optimum="0" value="\(status.connections)" \
            aria-label="connections in the table">\(fill)</meter>\(gaveWay)</div>
            </div>
            """
    }

    private var gaveWay: HTML {
        guard !status.gaveWay.isEmpty else { return "" }
        return "<p class=\"note\">gave way: \(status.gaveWay.map { "\($0.name) \(Amount.count($0.number))" }.joined(separator: ", "))</p>"
    }

    /// A figure with its chart.
    static func tile(_ title: String, _ figure: String, _ values: [UInt64]) -> HTML {
        "<div class=\"tile\"><h2>\(title)</h2><p class=\"figure\">\(figure)</p>\(Chart(values, width: 240, height: 48).svg(title))</div>"
    }

    /// Interfaces, virtual addresses, neighbours, work beside the frames.
    var host: HTML {
        let interfaces = status.interfaces.map { one -> HTML in
            let losses = [
                ("missed", one.missed), ("truncated", one.truncated), ("queue full", one.queueFull), ("refused", one.refused),
            ].filter { $0.1 > 0 }.map { "\($0.0) \(Amount.count($0.1))" }.joined(separator: ", ")
            return """
                <tr><th scope="row">\(one.name)</th><td data-label="state"><span class="\(one.state == .up ? "good" : "off")">\
                \(one.state.rawValue)</span></td>\
                <td data-label="received">\(Amount.count(one.received))</td><td data-label="sent">\(Amount.count(one.sent))</td>\
                <td data-label="lost">\(losses.isEmpty ? "0" : losses)</td></tr>
                """
        }
        let words = ["host": "this host", "director": "svs itself", "nobody": "nobody here"]
        let addresses = status.addresses.prefix(200).map { one -> HTML in
            """
            <tr><th scope="row">\(one.address)</th><td data-label="held by">\
            <span class="\(one.holder == "nobody" ? "off" : "good")">\(words[one.holder] ?? one.holder)</span></td></tr>
            """
        }
        let neighbors = status.failing.map { one -> HTML in
            "<tr><th scope=\"row\">\(one.address)</th><td data-label=\"on\">\(one.interface)</td><td data-label=\"servers behind\">\(one.servers)</td></tr>"
        }
        return """
            <h2>This host</h2>
            <div class="columns">
            \(table("Interfaces", ["interface", "state", "received", "sent", "lost"], interfaces))
            \(table("Virtual addresses", ["address", "held by"], addresses))
            \(neighbors.isEmpty ? "" : table("Neighbours that do not answer", ["address", "on", "servers behind"], neighbors))
            <div><h3>Work beside the frames</h3><p>\(Amount.count(status.controlSteps.counts.reduce(0, &+))) steps; the longest took \
            \(milliseconds(status.controlSteps.longest)) of processor time, \(Amount.count(status.controlSteps.counts.last ?? 0)) \
            took more than 2 ms.</p></div>
            </div>
            """
    }

    private func milliseconds(_ nanoseconds: UInt64) -> String {
        let hundredths = nanoseconds / 10_000
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100) ms"
    }

    private func table(_ title: String, _ columns: [String], _ rows: [HTML]) -> HTML {
        """
        <div><h3>\(title)</h3><table class="cards"><thead><tr>\(columns.map { "<th scope=\"col\">\($0)</th>" as HTML })</tr></thead>\
        <tbody>\(rows)</tbody></table></div>
        """
    }
}
