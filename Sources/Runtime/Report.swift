import LVS
import Links

/// What is said when a director ends: what its links have lost, and its frames by verdict.
struct Report {
    let lines: [String]

    init(_ director: borrowing Director, _ links: [any Link], _ steps: ControlSteps? = nil) {
        var lines: [String] = []
        for link in links {
            let losses = Self.losses(link.counters)
            guard !losses.isEmpty else { continue }
            let name = director.network.interface(link.interface)?.name ?? "interface \(link.interface)"
            lines.append("\(name): frames lost: \(losses.joined(separator: ", "))")
        }
        var words = director.verdicts.all.map { "\($0.verdict.name) \($0.frames)" }
        if director.clampedSYNs > 0 { words.append("SYNs with a lowered MSS \(director.clampedSYNs)") }
        let gaveWay = director.earlyDrop.counts
        if gaveWay.all > 0 { words.append("entries that gave way: \(gaveWay.text)") }
        let carried = director.carryingCounters.frames
        if carried > 0 { words.append("frames that the kernel carried \(carried)") }
        if let steps { lines.append(steps.line) }
        lines.append("ended" + (words.isEmpty ? "" : ": " + words.joined(separator: ", ")))
        self.lines = lines
    }

    private static func losses(_ counters: LinkCounters) -> [String] {
        [("missed", counters.missed), ("truncated", counters.truncated), ("queue full", counters.queueFull), ("refused", counters.refused)]
            .filter { $0.1 > 0 }.map { "\($0.0) \($0.1)" }
    }
}
