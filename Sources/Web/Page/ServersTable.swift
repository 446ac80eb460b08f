internal import LVS

/// One service and its servers, fifty at a time.
struct ServersTable {
    private let service: ObservedService
    private let choice: ServiceChoice
    private let listing: Listing

    init(_ service: ObservedService, _ choice: ServiceChoice) {
        (self.service, self.choice) = (service, choice)
        listing = Listing(path: "/service", query: ("id", "\(service.load.number)"), choice)
    }

    var html: HTML {
        let load = service.load, rates = load.statistics.rates
        let (rows, total) = choice.rows(of: service.servers, name: { "\($0.load.key) \(Self.method($0.load.method))" }) { order, server in
            order.key(server.load.statistics, active: UInt64(server.load.active))
        }
        return """
            <p><a href="/">All services</a></p>
            <h1>\("\(load.key)")</h1>
            <p class="lead">\(load.scheduler)\(load.isPersistent ? ", persistent" : "") · \(service.usable) of \(service.servers.count) \
            servers take new connections</p>
            <div class="tiles">
            \(Overview.tile("Connections a second", Amount.count(rates.connections), service.chart.map(UInt64.init)))
            \(tile("Packets a second", Amount.count(rates.packetsIn), Amount.count(rates.packetsOut)))
            \(tile("Bytes a second", Amount.bytes(rates.bytesIn), Amount.bytes(rates.bytesOut)))
            \(tile("Connections", Amount.count(service.active), Amount.count(service.inactive), "active", "inactive"))
            </div>
            <h2>Servers</h2>
            \(listing.controls(total: total, of: service.servers.count, what: "server"))
            <table class="cards wide"><thead><tr>\(listing.heads("server", ["weight"]))</tr></thead>
            <tbody>\(rows.map(row))</tbody></table>
            \(listing.pages(total: total))
            """
    }

    private func tile(_ title: String, _ first: String, _ second: String, _ one: String = "in", _ other: String = "out") -> HTML {
        """
        <div class="tile"><h2>\(title)</h2><p class="figure">\(first) <small>\(one)</small></p>\
        <p class="figure">\(second) <small>\(other)</small></p></div>
        """
    }

    private func row(_ server: ObservedServer) -> HTML {
        let load = server.load
        return """
            <tr><th scope="row">\("\(load.key)") <small>\(Self.method(load.method))</small></th>\
            <td data-label="weight"><span class="\(load.weight > 0 && !load.isOverloaded ? "good" : "off")">\(load.weight)</span>\
            \(load.isOverloaded ? " overloaded" : "")\(drain(server))</td>\
            \(listing.cells(load.statistics, active: UInt64(load.active), inactive: UInt64(load.inactive), chart: server.chart))</tr>
            """
    }

    /// How far a server of weight 0 is on its way to having nothing to do.
    private func drain(_ server: ObservedServer) -> HTML {
        guard server.load.weight == 0 else { return "" }
        guard server.isDraining else { return " <small>drained</small>" }
        let most = max(server.drainsFrom, server.connections), gone = most - server.connections
        return """
             <progress max="\(most)" value="\(gone)" aria-label="drained">\(Amount.share(gone, of: most))</progress>\
            <small>\(Amount.count(server.connections)) of \(Amount.count(most)) left</small>
            """
    }

    static func method(_ method: ForwardingMethod) -> String {
        switch method {
        case .masquerading: "NAT"
        case .localNode: "local"
        case .tunneling: "tunnel"
        case .directRouting: "DR"
        case .bypass: "bypass"
        case .fullNAT: "FULLNAT"
        }
    }
}
