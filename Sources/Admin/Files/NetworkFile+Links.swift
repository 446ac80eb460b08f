import LVS
import Wire

extension NetworkBuilder {
    /// `link add …` and `link set …`.
    mutating func link(_ words: inout WordReader) throws(Complaint) {
        switch try Self.verb(&words, ["add", "set"]) {
        case "add": try addLink(&words)
        default: try setLink(&words)
        }
    }

    /// `link add [name] NAME [address MAC] [mtu N] type dummy` or `type veth peer [name] NAME …`. A peer in another
    /// network namespace is no interface of the director.
    private mutating func addLink(_ words: inout WordReader) throws(Complaint) {
        let own = try described(&words, until: "type")
        guard own.type != nil else { throw Complaint("link add: the type is missing: dummy or veth") }
        try create(own)
        while let word = words.next() {
            guard word == "peer", own.type == "veth" else { throw Complaint("\(word): not understood behind type \(own.type ?? "")") }
            let peer = try described(&words, until: nil)
            if !peer.isElsewhere { try create(peer) }
        }
    }

    private struct Description {
        var name: String?
        var mac: MACAddress?
        var mtu = 1500
        var type: String?
        var isUp = false
        var isElsewhere = false
    }

    private func described(_ words: inout WordReader, until end: String?) throws(Complaint) -> Description {
        var link = Description()
        while let word = words.next() {
            if word == end {
                let type = try words.argument(of: word)
                guard type == "dummy" || type == "veth" else { throw Complaint("type \(type): only dummy and veth") }
                link.type = type
                return link
            }
            switch word {
            case "name", "dev": link.name = try words.argument(of: word)
            case "address": link.mac = try Self.mac(&words, word)
            case "mtu": link.mtu = Int(try words.number(of: word, in: 68...65535))
            case "up": link.isUp = true
            case "down": link.isUp = false
            case "netns" where end == nil:
                _ = try words.argument(of: word)
                link.isElsewhere = true
            case "txqueuelen", "txqlen", "qlen", "numtxqueues", "numrxqueues", "index", "group", "broadcast", "brd":
                _ = try words.argument(of: word)
            default:
                guard link.name == nil else { throw Complaint("link add: \(word): not understood") }
                link.name = word
            }
        }
        return link
    }

    private mutating func create(_ link: Description) throws(Complaint) {
        guard let name = link.name else { throw Complaint("link add: the name is missing") }
        guard !interfaces.contains(where: { $0.name == name }) else { throw Complaint("\(name): File exists") }
        let index = try add(interface: name)
        change(index) {
            $0.mtu = link.mtu; $0.mac = link.mac ?? $0.mac
        }
        if link.isUp { raise(index) }
    }

    /// `link set [dev] NAME [address MAC] [mtu N] [up | down] …`. The interface begins to exist when it is new: it is one
    /// the director host has.
    private mutating func setLink(_ words: inout WordReader) throws(Complaint) {
        var name: String?
        var mac: MACAddress?
        var mtu: Int?
        var newName: String?
        var isUp: Bool?
        var makesLinkLocal: Bool?
        while let word = words.next() {
            switch word {
            case "dev": name = try words.argument(of: word)
            case "address": mac = try Self.mac(&words, word)
            case "mtu": mtu = Int(try words.number(of: word, in: 68...65536))
            case "name": newName = try words.argument(of: word)
            case "up": isUp = true
            case "down": isUp = false
            case "addrgenmode": makesLinkLocal = try words.argument(of: word) != "none"
            case "txqueuelen", "txqlen", "qlen", "arp", "multicast", "allmulticast", "promisc", "trailers", "carrier", "alias",
                "group", "broadcast", "brd", "gso_max_size", "gso_max_segs", "gro_max_size", "state":
                _ = try words.argument(of: word)
            default:
                guard name == nil else { throw Complaint("either \"dev\" is duplicate, or \"\(word)\" is a garbage.") }
                name = word
            }
        }
        guard let name else { throw Complaint("Not enough information: \"dev\" argument is required.") }
        let known = interfaces.first { $0.name == name }?.index
        let index = if let known { known } else { try add(interface: name) }
        if let newName, interfaces.contains(where: { $0.name == newName && $0.index != index }) {
            throw Complaint("\(newName): File exists")
        }
        change(index) {
            $0.mac = mac ?? $0.mac
            $0.mtu = mtu ?? $0.mtu
            $0.name = newName ?? $0.name
        }
        if makesLinkLocal == false { withoutLinkLocal.insert(index) }
        if makesLinkLocal == true { withoutLinkLocal.remove(index) }
        if isUp == true { raise(index) }
        if isUp == false { lower(index) }
    }

    /// A new interface, down, with a MAC of its own until a line gives one.
    private mutating func add(interface name: String) throws(Complaint) -> Int32 {
        guard !name.isEmpty, name.utf8.count < 16, !name.contains("/") else {
            throw Complaint("\"\(name)\" is not a valid ifname")
        }
        let index = Int32(truncatingIfNeeded: interfaces.count + 1)
        let mac = MACAddress(bits: 0x0253_5653_0000 | UInt64(truncatingIfNeeded: index) & 0xffff)
        interfaces.append(Network.Interface(index: index, name: name, mac: mac, mtu: 1500, isUp: false))
        return index
    }

    private mutating func change(_ index: Int32, _ body: (inout Network.Interface) -> Void) {
        guard let place = interfaces.firstIndex(where: { $0.index == index }) else { return }
        body(&interfaces[place])
    }

    private mutating func raise(_ index: Int32) {
        guard let place = interfaces.firstIndex(where: { $0.index == index }), !interfaces[place].isUp else { return }
        interfaces[place].isUp = true
        for assigned in assignments where assigned.address.interface == index {
            for route in assigned.connected { install(route) }
        }
    }

    /// Routes other than the local ones of its addresses leave with an interface.
    private mutating func lower(_ index: Int32) {
        guard let place = interfaces.firstIndex(where: { $0.index == index }), interfaces[place].isUp else { return }
        interfaces[place].isUp = false
        routes.removeAll { $0.interface == index && $0.kind != .local }
        places = [:]
        for (place, route) in routes.enumerated() { places[RouteKey(route)] = place }
    }

    static func mac(_ words: inout WordReader, _ option: String) throws(Complaint) -> MACAddress {
        let word = try words.argument(of: option)
        guard let mac = MACAddress(word) else { throw Complaint("\"\(word)\" is invalid lladdr.") }
        return mac
    }
}
