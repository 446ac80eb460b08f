import Admin
import LVS

/// What the log says when a director begins: who it is, and what it finds to direct.
enum StartLine {
    /// Addresses that are named; of more their number is.
    private static let most = 8

    static func text(_ director: inout Director, interfaces: [String], control: String, ioThreads: Int) -> String {
        let words: [VirtualAddress.Holder: String] = [.host: "this host's", .director: "its own", .nobody: "nobody's here"]
        let all = director.virtualAddresses()
        var addresses = all.prefix(most).map { "\($0.address) (\(words[$0.holder] ?? ""))" }.joined(separator: ", ")
        if all.count > most { addresses += " and \(all.count - most) more" }
        return "svs \(Release.version): director on \(interfaces.joined(separator: ", ")), control socket \(control), "
            + "\(counted(director.serviceCount, "service")), \(counted(director.serverCount, "server")), "
            + counted(ioThreads, "I/O thread")
            + (all.isEmpty ? "" : ", virtual addresses \(addresses)")
    }
}
