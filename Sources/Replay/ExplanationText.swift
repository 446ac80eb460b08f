internal import Admin
internal import LVS
internal import Wire

/// The steps of an explanation in words.
enum ExplanationText {
    static func label(_ step: Explanation.Step) -> String {
        switch step {
        case .marked: "mark"
        case .refused: "firewall"
        case .matched, .unmatched: "service"
        case .opensNothing, .found, .unknownFlow, .startsAfresh, .connected: "connection"
        case .template, .retired: "template"
        case .scheduled: "scheduler"
        case .observed: "state"
        case .way: "way"
        case .measured: "length"
        case .gathered: "fragments"
        case .untold: "icmp"
        }
    }

    static func lines(_ step: Explanation.Step) -> [String] {
        switch step {
        case .marked(let mark, let rules):
            [mark == 0 && rules.isEmpty ? "0: no rule marks the packet" : "\(mark)"]
                + rules.map { $0.line > 0 ? "  by line \($0.line): \($0.text)" : "  by \($0.text)" }
        case .refused(let drop): ["dropped by \(drop.text)"]
        case .matched(let key, let match): ["\(key), by \(match.rawValue)"]
        case .unmatched(let misses):
            [misses.isEmpty ? "none: there is no service of this address family" : "none takes the packet; nearest:"]
                + misses.map { "  \($0.service): \($0.reason)" }
        case .opensNothing(let words): [words]
        case .found(let entry, let isReply): ["known, \(isReply ? "reply" : "request"): \(words(entry))", "  " + age(entry)]
        case .unknownFlow(let flow):
            [
                "none known for \(ServiceKey.protocolName(flow.proto)) \(ends(flow.source, flow.sourcePort)) > \(ends(flow.destination, flow.destinationPort))"
            ]
        case .startsAfresh(let entry, let reason): ["the old one is not continued: \(reason)", "  \(words(entry))"]
        case .template(let entry, let isNew): [(isNew ? "made: " : "known: ") + words(entry)] + (isNew ? [] : ["  " + age(entry)])
        case .retired(let entry, let reason): ["of no use: \(reason)", "  \(words(entry))"]
        case .scheduled(let schedule): candidates(schedule)
        case .connected(let entry): ["made: \(words(entry))"]
        case .observed(let change):
            [
                (change.before == change.after ? "stays \(change.after)" : "\(change.before) -> \(change.after)")
                    + ", expires in \(seconds(change.remaining))"
            ]
        case .way(let way): [self.way(way)]
        case .measured(let length): [self.length(length)]
        case .gathered(let bytes): ["the datagram is complete: \(bytes) bytes, directed as one packet"]
        case .untold(let reason): ["no ICMP error is sent: \(reason)"]
        }
    }

    static func ends(_ address: IPAddress, _ port: UInt16) -> String { ServerKey(address: address, port: port).description }

    static func seconds(_ time: Instant) -> String {
        let tenths = (time + 50_000_000) / 100_000_000
        return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
    }

    private static func words(_ entry: Explanation.Entry) -> String {
        let proto = entry.proto == 0 ? "IP" : ServiceKey.protocolName(entry.proto)
        let local = entry.local.map { " as \(ends($0, entry.localPort))" } ?? ""
        return "\(proto) \(ends(entry.client, entry.clientPort)) > \(ends(entry.virtual, entry.virtualPort))\(local) > "
            + "\(ends(entry.server, entry.serverPort)), \(method(entry.method)), \(entry.state)"
    }

    private static func age(_ entry: Explanation.Entry) -> String {
        let rest = "expires in \(seconds(entry.remaining))"
        if entry.isTemplate { return "last used \(seconds(entry.idle)) ago, \(rest), \(entry.children) connections hang on it" }
        let carried = entry.carried.map { ", carried by the kernel for \(seconds($0.time)), \(counted($0.packets, "packet"))" } ?? ""
        return "last packet \(seconds(entry.idle)) ago, \(rest), \(counted(entry.packets, "packet")) of the client so far\(carried)"
    }

    static func method(_ method: ForwardingMethod) -> String {
        switch method {
        case .masquerading: "NAT"
        case .localNode: "local node"
        case .tunneling: "tunnel"
        case .directRouting: "direct routing"
        case .bypass: "cache bypass"
        case .fullNAT: "FULLNAT"
        }
    }

    private static func candidates(_ schedule: Explanation.Schedule) -> [String] {
        let shown = 24
        var lines = [
            "\(schedule.scheduler), \(counted(schedule.candidates.count, "candidate"))"
                + (schedule.picked == nil ? ", none of them usable" : "")
        ]
        for (place, candidate) in schedule.candidates.enumerated() where place < shown || place == schedule.picked {
            var facts = ["weight \(candidate.weight)", "\(candidate.active) active, \(candidate.inactive) inactive"]
            if candidate.isOverloaded, !candidate.score.contains("overloaded") { facts.append("overloaded") }
            let mark = place == schedule.picked ? "> " : "  "
            lines.append(mark + "\(candidate.server): \(candidate.score) (\(facts.joined(separator: ", ")))")
        }
        if schedule.candidates.count > shown { lines.append("  and further candidates") }
        return lines
    }

    private static func way(_ way: Explanation.Way) -> String {
        let target = "\(method(way.method)) to \(way.to)"
        switch way.kind {
        case .noRoute, .unresolved: return "\(target): no route"
        case .local: return "\(target): the director itself"
        case .ready, .unknownNeighbor:
            let hop = way.nextHop == way.to ? "a neighbour" : "by \(way.nextHop)"
            return "\(target): on \(way.interface), \(hop)" + (way.mac.map { " at \($0)" } ?? ", its MAC is not known yet")
        }
    }

    private static func length(_ length: Explanation.Length) -> String {
        let sum =
            length.overhead > 0
            ? "\(length.packet) + \(length.overhead) of the tunnel = \(length.packet + length.overhead)" : "\(length.packet)"
        let what = length.isSuperframe ? "\(sum) bytes a segment" : "\(sum) bytes"
        guard !length.fits else { return "\(what), the way carries \(length.limit)" }
        return "\(what), more than the \(length.limit) that the way carries" + (length.dontFragment ? ", and DF is set" : "")
    }
}
