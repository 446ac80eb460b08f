internal import LVS

/// What the tables of services and of servers have in common.
struct Listing {
    private let path: String
    /// What the address of the page says beside the choice.
    private let query: (name: String, value: String)?
    private let choice: ServiceChoice

    init(path: String, query: (name: String, value: String)? = nil, _ choice: ServiceChoice) {
        (self.path, self.query, self.choice) = (path, query, choice)
    }

    private func address(order: ServiceChoice.Order? = nil, part: Int = 0) -> String {
        choice.address(path, query.map { "\($0.name)=\($0.value)" } ?? "", order: order, part: part)
    }

    /// The filter, and how many rows it leaves.
    func controls(total: Int, of all: Int, what: String) -> HTML {
        let own: HTML = query.map { "<input type=\"hidden\" name=\"\($0.name)\" value=\"\($0.value)\">" } ?? ""
        let order: HTML = choice.order == .name ? "" : "<input type=\"hidden\" name=\"sort\" value=\"\(choice.order.rawValue)\">"
        let found = choice.words.isEmpty ? "" : "\(Amount.grouped(UInt64(total))) of "
        return """
            <form class="filter" action="\(path)">\(own)\(order)<input id="filter" name="q" type="search" value="\(choice.words)" \
            maxlength="100" placeholder="filter" aria-label="Filter by address, port or name" title="/"><button>Filter</button>\
            <span>\(found)\(Amount.grouped(UInt64(all))) \(what)\(all == 1 ? "" : "s")</span></form>
            """
    }

    /// Column heads; most of them sort.
    func heads(_ first: String, _ more: [String]) -> HTML {
        HTML(
            [head(first, .name)] + more.map { "<th scope=\"col\">\($0)</th>" } + [
                "<th scope=\"col\" class=\"graph\">last minute</th>", head("conn/s", .connections), head("packets/s", .packets),
                head("bytes/s", .bytes), head("active", .active), "<th scope=\"col\">inactive</th>",
            ])
    }

    private func head(_ title: String, _ order: ServiceChoice.Order) -> HTML {
        let sort: HTML =
            choice.order != order ? "" : order == .name ? " aria-sort=\"ascending\"" : " aria-sort=\"descending\""
        return "<th scope=\"col\"\(sort)><a id=\"by-\(order.rawValue)\" href=\"\(address(order: order))\">\(title)</a></th>"
    }

    func cells(_ statistics: Statistics, active: UInt64, inactive: UInt64, chart: [UInt32]) -> HTML {
        let rates = statistics.rates
        return """
            <td class="graph" data-label="last minute">\
            \(Chart(chart.map(UInt64.init), width: 120, height: 24).svg("connections a second"))</td>\
            <td data-label="conn/s">\(Amount.count(rates.connections))</td>\
            <td data-label="packets/s">\(pair(Amount.count(rates.packetsIn), Amount.count(rates.packetsOut)))</td>\
            <td data-label="bytes/s">\(pair(Amount.bytes(rates.bytesIn), Amount.bytes(rates.bytesOut)))</td>\
            <td data-label="active">\(Amount.count(active))</td><td data-label="inactive">\(Amount.count(inactive))</td>
            """
    }

    /// What comes from clients, and what goes to them.
    private func pair(_ incoming: String, _ outgoing: String) -> HTML {
        "<span class=\"pair\">\(incoming) <small>in</small></span> <span class=\"pair\">\(outgoing) <small>out</small></span>"
    }

    /// Ways to the other parts, where there are any.
    func pages(total: Int) -> HTML {
        let parts = (total + ServiceChoice.length - 1) / ServiceChoice.length
        guard parts > 1 else { return "" }
        let earlier: HTML = choice.part > 0 ? "<a id=\"earlier\" rel=\"prev\" href=\"\(address(part: choice.part - 1))\">earlier</a>" : ""
        let later: HTML = choice.part + 1 < parts ? "<a id=\"later\" rel=\"next\" href=\"\(address(part: choice.part + 1))\">later</a>" : ""
        return
            "<nav class=\"pages\" aria-label=\"Parts of the list\">\(earlier) <span>part \(choice.part + 1) of \(parts)</span> \(later)</nav>"
    }
}
