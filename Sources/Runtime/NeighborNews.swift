import Admin
import LVS
import Wire

/// What is said of neighbours by which servers are reached: that one does not answer any more, and that it does again.
final class NeighborNews {
    private var failing: Set<Network.NeighborKey> = []
    /// Those that were said to fail, with their interfaces' names.
    private var said: [Network.NeighborKey: String] = [:]

    /// To be called every second or so.
    func follow(_ director: borrowing Director, say: (String) -> Void) {
        let network = director.network
        if network.failing != failing {
            failing = network.failing
            let servers = director.servers(behind: failing)
            for key in failing.sorted() where said[key] == nil {
                guard let count = servers[key] else { continue }
                let name = network.interface(key.interface)?.name ?? "interface \(key.interface)"
                said[key] = name
                say("warning: \(key.address) on \(name) does not answer: \(counted(count, "server")) cannot be reached")
            }
        }
        // One that nobody asks for is forgotten by the kernel, and not back for that.
        for (key, name) in said.sorted(by: { $0.key < $1.key }) where network.neighbor(key.address, on: key.interface) != nil {
            guard !failing.contains(key) else { continue }
            said[key] = nil
            say("\(key.address) on \(name) answers again")
        }
    }
}
