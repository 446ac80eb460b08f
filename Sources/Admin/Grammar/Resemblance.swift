/// How much two words look alike.
public enum Resemblance {
    /// The known word that a mistyped one comes nearest to; `nil` when none is near: at most two letters, and fewer than half,
    /// added, left out, changed or swapped with their neighbour.
    public static func nearest(to word: String, among known: [String]) -> String? {
        let near = known.map { (word: $0, steps: distance(word, $0)) }.filter {
            $0.steps <= 2 && $0.steps * 2 < max($0.word.count, word.count)
        }
        return near.min { $0.steps < $1.steps }?.word
    }

    /// Letters to add, leave out, change or swap with their neighbour.
    private static func distance(_ first: String, _ second: String) -> Int {
        let a = Array(first), b = Array(second)
        guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
        var rows = [Array(0...b.count)]
        for i in 1...a.count {
            var row = [i]
            for j in 1...b.count {
                var steps = min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { steps = min(steps, rows[i - 2][j - 2] + 1) }
                row.append(steps)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
