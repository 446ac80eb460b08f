public import Admin
internal import Glibc
internal import LVS

/// The listings of a director after a run, as text files in a folder: `ln.txt stats.txt connections.txt persistent.txt
/// thresholds.txt origins.txt`.
public enum ListingsFolder {
    /// File names.
    public static let names: Set<String> = ["ln.txt", "stats.txt", "connections.txt", "persistent.txt", "thresholds.txt", "origins.txt"]

    /// The same listings by the names that the kernel's runner gives them.
    static let kernelNames = [
        ("ln.txt", "ln.txt"), ("stats.txt", "stats.txt"), ("connections.txt", "conns-sorted.txt"),
        ("persistent.txt", "persistent.txt"), ("thresholds.txt", "thresholds.txt"), ("origins.txt", "origins.txt"),
    ]

    /// File names and texts, in the form of a case's `expected` folder: numeric, connections sorted and without expiry.
    public static func texts(_ replay: inout Replayer) -> [(name: String, text: String)] {
        // A reader of counters waits for the estimator's next look at them.
        if replay.director.tunables.runEstimation != 0 { replay.estimate() }
        let inventory = replay.director.inventory()
        func list(_ columns: ListRequest.Columns) -> String {
            Listing.text(ListRequest(columns: columns, numeric: true), of: inventory, names: SystemNames()) ?? ""
        }
        let records = replay.director.connectionRecords()
        let connections = records.map(line).sorted()
        let origins = records.map(\.originRow).sorted()
        return [
            ("ln.txt", list(.usual)), ("stats.txt", list(.statistics)),
            ("connections.txt", connections.map { $0 + "\n" }.joined()),
            ("persistent.txt", list(.persistence)), ("thresholds.txt", list(.thresholds)),
            ("origins.txt", origins.map { $0 + "\n" }.joined()),
        ]
    }

    /// Writes the files; the folder is made when it is not there.
    public static func write(_ replay: inout Replayer, to folder: String) throws(FileError) {
        try OutputFile.makeFolder(folder)
        for (name, text) in texts(&replay) { try OutputFile.write(text, to: folder + "/" + name) }
    }

    /// One entry of the connection table without its expiry, fields separated by single blanks.
    private static func line(_ record: ConnectionRecord) -> String {
        let text =
            Listing.text(
                ListRequest(.connections, columns: .usual, numeric: true), of: Inventory(), connections: [record], names: SystemNames())
            ?? ""
        var words = text.split(separator: "\n").last.map { $0.split(separator: " ").map(String.init) } ?? []
        if words.count > 1 { words.remove(at: 1) }
        return words.joined(separator: " ")
    }
}
