import LVS
import Wire

extension NetworkBuilder {
    /// `neigh add ADDRESS lladdr MAC dev NAME [nud STATE]`.
    mutating func neighbor(_ words: inout WordReader) throws(Complaint) {
        let verb = try Self.verb(&words, ["add", "replace", "change", "append"])
        var target: String?
        var name: String?
        var mac: MACAddress?
        var isKnown = true
        while let word = words.next() {
            switch word {
            case "dev": name = try words.argument(of: word)
            case "to": target = try words.argument(of: word)
            case "lladdr": mac = try Self.mac(&words, word)
            case "nud":
                let state = try words.argument(of: word)
                switch state {
                case "permanent", "reachable", "noarp", "stale", "delay", "probe": isKnown = true
                case "none", "incomplete", "failed": isKnown = false
                default: throw Complaint("nud state is bad: \(state)")
                }
            case "router", "use", "managed", "extern_learn": break
            case "protocol", "proto": _ = try words.argument(of: word)
            case "proxy": throw Complaint("neigh: proxy entries are not supported")
            default:
                guard target == nil else { throw Complaint("neigh: \(word): not understood") }
                target = word
            }
        }
        guard let target, let name else { throw Complaint("Device and destination are required arguments.") }
        guard let address = IPAddress(target) else { throw Complaint("an inet address is expected rather than \"\(target)\".") }
        try expect(address, target)
        guard !address.isUnspecified, !address.isMulticast else { throw Complaint("\(target): no address of a neighbour") }
        let key = Network.NeighborKey(address: address, interface: try device(name).index)
        if isKnown && mac == nil && neighbors[key] == nil { throw Complaint("neigh \(verb): lladdr is missing") }
        if verb == "add", let known = neighbors[key], known != mac { throw Complaint("\(target): File exists") }
        if verb == "change", neighbors[key] == nil { throw Complaint("\(target): No such file or directory") }
        neighbors[key] = isKnown ? mac ?? neighbors[key] : nil
    }
}
