import Admin
import LVS
import Wire

/// Servers that one thing is wrong with.
struct ConcernedServers {
    private(set) var service: ServiceKey?
    private var first: String?
    private var others = 0

    mutating func add(_ service: ServiceKey, _ server: ServerKey, _ way: String = "") {
        guard first == nil else { return others += 1 }
        self.service = service
        first = "server \(server)\(way) of service \(service)"
    }

    func fault(_ code: String, _ text: String, cure: String = "") -> Fault? {
        first.map { Fault(code, "\($0)\(others > 0 ? " and \(counted(others, "other"))" : ""): \(text)", cure: cure) }
    }
}
