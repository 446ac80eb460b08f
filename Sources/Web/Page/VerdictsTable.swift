internal import Admin
internal import LVS

/// Frames by what became of them, and why: those that were dropped first.
struct VerdictsTable {
    private let rows: [(verdict: Verdict, frames: UInt64, rate: UInt64)]

    init(_ verdicts: [DirectorStatus.Verdict]) {
        let known = Dictionary(Verdict.allCases.map { ($0.name, $0) }) { first, _ in first }
        rows = verdicts.compactMap { one in known[one.name].map { ($0, one.frames, one.rate) } }
    }

    private static let fates: [(fate: Verdict.Fate, title: String)] = [
        (.dropped, "Dropped"), (.sent, "Sent"), (.answered, "Answered in the host's place"), (.passed, "Left to the host"),
        (.held, "Kept for later"),
    ]

    var html: HTML { "<h2>Frames by verdict</h2>\n" + HTML(Self.fates.map { group($0.fate, $0.title) }) }

    private func group(_ fate: Verdict.Fate, _ title: String) -> HTML {
        let found = rows.filter { $0.verdict.fate == fate }.sorted { ($0.rate, $0.frames) > ($1.rate, $1.frames) }
        guard !found.isEmpty else { return fate == .dropped ? "<h3>\(title)</h3><p>None.</p>\n" : "" }
        let lines = found.map { row -> HTML in
            """
            <tr id="v-\(row.verdict.name)"><th scope="row"><code>\(row.verdict.name)</code></th><td class="words">\(row.verdict.sentence)</td>\
            <td data-label="a second">\(Amount.count(row.rate))</td><td data-label="together">\(Amount.count(row.frames))</td></tr>
            """
        }
        return """
            <h3>\(title)</h3><table class="cards verdicts \(fate.rawValue)"><thead><tr><th scope="col">verdict</th><th scope="col">meaning</th>\
            <th scope="col">a second</th><th scope="col">together</th></tr></thead><tbody>\(lines)</tbody></table>

            """
    }
}
