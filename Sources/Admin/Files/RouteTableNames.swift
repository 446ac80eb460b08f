import Glibc
import LVS

/// Names of routing tables: those that every host has, and the ones that this host's iproute2 knows (`rt_tables`).
enum RouteTableNames {
    /// The number that a name or number means; `nil` for neither.
    static func number(of word: String) -> UInt32? {
        switch word {
        case "local": return RouteTableID.local
        case "main": return RouteTableID.main
        case "default": return RouteTableID.default
        default: return UInt32(numeral: word) ?? known[word]
        }
    }

    private static let known: [String: UInt32] = {
        var names: [String: UInt32] = [:]
        for folder in ["/usr/share/iproute2", "/etc/iproute2"] {
            let more = entries(of: folder + "/rt_tables.d").filter { $0.hasSuffix(".conf") }.sorted()
            for path in [folder + "/rt_tables"] + more.map({ "\(folder)/rt_tables.d/\($0)" }) {
                guard let text = try? TextFile.read(path) else { continue }
                for line in TextFile.lines(of: text) {
                    let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }
                    if words.count == 2, let number = UInt32(numeral: words[0]) { names[String(words[1])] = number }
                }
            }
        }
        return names
    }()

    private static func entries(of folder: String) -> [String] {
        guard let open = opendir(folder) else { return [] }
        defer { closedir(open) }
        var names: [String] = []
        while let entry = readdir(open) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) { name in
                    name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names
    }
}
