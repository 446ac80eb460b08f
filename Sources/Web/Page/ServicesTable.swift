internal import LVS

/// All services, fifty at a time.
struct ServicesTable {
    private let services: [ObservedService]
    private let choice: ServiceChoice
    private let listing: Listing

    init(_ services: [ObservedService], _ choice: ServiceChoice) {
        (self.services, self.choice) = (services, choice)
        listing = Listing(path: "/", choice)
    }

    var html: HTML {
        let (rows, total) = choice.rows(of: services, name: { Self.name(of: $0) }) { order, service in
            order.key(service.load.statistics, active: service.active)
        }
        return """
            <h2>Services</h2>
            \(listing.controls(total: total, of: services.count, what: "service"))
            <table class="cards wide"><thead><tr>\(listing.heads("service", ["servers"]))</tr></thead>
            <tbody>\(rows.map(row))</tbody></table>
            \(listing.pages(total: total))
            """
    }

    /// What a filter is compared with: the service and its servers.
    private static func name(of service: ObservedService) -> String {
        "\(service.load.key) \(service.load.scheduler)" + service.servers.map { " \($0.load.key)" }.joined()
    }

    private func row(_ service: ObservedService) -> HTML {
        let load = service.load, usable = service.usable
        let draining = service.servers.count(where: \.isDraining)
        let note: HTML = draining > 0 ? " <small>\(draining) draining</small>" : ""
        return """
            <tr><th scope="row"><a id="s\(load.number)" href="/service?id=\(load.number)">\("\(load.key)")</a> \
            <small>\(load.scheduler)\(load.isPersistent ? ", persistent" : "")</small></th>\
            <td data-label="servers"><span class="\(usable == 0 ? "off" : "good")">\(usable) of \(service.servers.count)</span>\
            \(note)</td>\
            \(listing.cells(load.statistics, active: service.active, inactive: service.inactive, chart: service.chart))</tr>
            """
    }
}
