import Admin
import LVS
import Wire

/// Finds servers to which the longest packets get lost that the way to them is said to carry.
struct PathProbe {
    private let probe: ServerProbe
    private let network: Network
    /// Servers whose limit is looked for: what is wrong on a way is mostly wrong for all behind it.
    private static let most = 8

    init(_ probe: ServerProbe, _ network: Network) { (self.probe, self.network) = (probe, network) }

    /// - Parameter targets: servers that answer a SYN; each address is tried once.
    func faults(_ targets: [ServerProbe.Target]) throws -> [Fault] {
        var seen: Set<IPAddress> = []
        let chosen = targets.filter { seen.insert($0.server.key.address).inserted }
        let limits = try chosen.map { try probe.limit(of: $0) }
        let answers = try probe.ask(zip(chosen, limits).map { .init(target: $0, length: $1?.packet) })
        var faults: [Fault] = []
        for (place, target) in chosen.enumerated() where answers[place] == nil {
            guard let limit = limits[place], faults.count < Self.most, let length = try longest(target, below: limit.packet) else {
                continue
            }
            faults.append(Self.fault(target, length, limit, network.path(to: target.server.key.address)))
        }
        return faults
    }

    /// - Returns: bytes of the longest packet that is answered; `nil` where a SYN with a byte of payload is not, so that its length
    ///   is not what matters.
    private func longest(_ target: ServerProbe.Target, below limit: Int) throws -> Int? {
        var low = target.service.family == .v4 ? 41 : 61, high = limit
        guard low < high, try probe.ask([.init(target: target, length: low)])[0] != nil else { return nil }
        while high - low > 1 {
            let middle = (low + high) / 2
            if try probe.ask([.init(target: target, length: middle)])[0] != nil { low = middle } else { high = middle }
        }
        return low
    }

    private static func fault(_ target: ServerProbe.Target, _ length: Int, _ limit: (packet: Int, overhead: Int), _ path: Path) -> Fault {
        let server = target.server.key.address
        let gateway = path.nextHop == server ? "" : " via \(path.nextHop)"
        return Fault(
            "path-mtu",
            "server \(target.server.key) of service \(target.service): packets of more than \(length) bytes get lost on the way there, "
                + "which is said to carry \(limit.packet)",
            cure: "ip route replace \(server)/\(server.family.width)\(gateway) mtu \(length + limit.overhead), or the path's MTU set right")
    }
}
