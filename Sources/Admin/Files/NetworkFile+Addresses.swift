import LVS
import Wire

extension NetworkBuilder {
    /// `addr add|del ADDRESS[/LENGTH] [peer ADDRESS[/LENGTH]] … dev NAME`.
    mutating func address(_ words: inout WordReader) throws(Complaint) {
        let verb = try Self.verb(&words, ["add", "replace", "change", "delete"])
        var local: String?
        var peer: String?
        var name: String?
        var metric: UInt32?
        var hasConnected = true
        var scope: UInt8?
        while let word = words.next() {
            switch word {
            case "dev": name = try words.argument(of: word)
            case "local": local = try words.argument(of: word)
            case "peer", "remote": peer = try words.argument(of: word)
            case "metric", "priority", "preference": metric = try words.number(of: word)
            case "noprefixroute": hasConnected = false
            case "nodad", "home", "mngtmpaddr", "optimistic", "nooptimistic", "autojoin": break
            case "scope": scope = try Self.scope(&words)
            case "broadcast", "brd", "anycast", "label", "valid_lft", "preferred_lft", "proto", "protocol":
                _ = try words.argument(of: word)
            default:
                guard local == nil else { throw Complaint("addr: \(word): not understood") }
                local = word
            }
        }
        guard let local, let (address, givenLength) = IPAddress.shortPrefix(local) else {
            throw Complaint(local.map { "any valid prefix is expected rather than \"\($0)\"." } ?? "addr \(verb): the address is missing")
        }
        try expect(address, local)
        guard !address.isUnspecified, !address.isMulticast else { throw Complaint("\(local): no address for an interface") }
        guard let name else { throw Complaint("Not enough information: \"dev\" argument is required.") }
        let interface = try device(name)
        var network = address
        var length = givenLength ?? address.family.width
        if let peer {
            guard let (other, peerLength) = IPAddress.shortPrefix(peer), other.family == address.family else {
                throw Complaint("any valid prefix is expected rather than \"\(peer)\".")
            }
            network = other
            length = peerLength ?? other.family.width
        }
        guard verb != "delete" else { return try unassign(address, givenLength, local, interface) }
        // Against a case run with `ip -force`, which goes on after "File exists", a repeated address is no error.
        if assignments.contains(where: { $0.address.address == address && $0.address.interface == interface.index }) { return }
        var assignment = Assignment(address, length: length, to: interface, network: network, metric: metric)
        if !hasConnected { assignment.connected = [] }
        if let scope { assignment.address.scope = scope }
        assignment.address.isSecondary = assignments.contains { $0.address.isOfNetwork(of: assignment.address) }
        assign(assignment)
    }

    /// How far an address may be used: a name or number as rtnetlink has them.
    private static func scope(_ words: inout WordReader) throws(Complaint) -> UInt8 {
        let word = try words.argument(of: "scope")
        let names: [String: UInt8] = ["global": 0, "universe": 0, "site": 200, "link": 253, "host": 254]
        guard let number = names[word] ?? UInt8(word) else { throw Complaint("scope: \(word): invalid scope") }
        return number
    }

    /// Adds an address with its local route and, if the interface is up, its connected ones.
    mutating func assign(_ assignment: Assignment) {
        assignments.append(assignment)
        let address = assignment.address
        install(
            Network.Route(
                prefix: address.address, length: address.address.family.width, interface: address.interface,
                kind: .local))
        guard up(address.interface) else { return }
        for route in assignment.connected { install(route) }
    }

    /// Takes an address away with the routes that it brought. As in the kernel, the first IPv4 address of a network takes the
    /// others of it along, and the last one of an interface all routes that lead through it.
    /// - Parameter length: that the address must have; any, where it is not said.
    private mutating func unassign(_ address: IPAddress, _ length: Int?, _ word: String, _ interface: Network.Interface) throws(Complaint) {
        let found = assignments.firstIndex {
            $0.address.address == address && $0.address.interface == interface.index
                && $0.address.prefixLength == length ?? $0.address.prefixLength
        }
        guard let found else { throw missing("\(word): Cannot assign requested address") }
        let first = assignments[found].address
        let isPrimary = first.address.isV4 && !assignments[..<found].contains { $0.address.isOfNetwork(of: first) }
        let gone = assignments.enumerated().filter { $0.offset == found || isPrimary && $0.element.address.isOfNetwork(of: first) }.map(
            \.element)
        assignments.removeAll { assignment in gone.contains { $0.address == assignment.address } }
        let isLast = address.isV4 && !assignments.contains { $0.address.interface == interface.index && $0.address.address.isV4 }
        let left = Set(gone.map(\.address.address)).subtracting(assignments.map(\.address.address))
        let brought = Set(gone.flatMap(\.connected)).subtracting(assignments.flatMap(\.connected))
        routes.removeAll { route in
            if route.kind == .local, route.table == RouteTableID.local, route.length == route.prefix.family.width {
                return route.interface == interface.index && left.contains(route.prefix)
            }
            if brought.contains(route) { return true }
            guard route.prefix.isV4 else { return false }
            return isLast && route.interface == interface.index && route.kind == .unicast || route.source.map(left.contains) ?? false
        }
        places = [:]
        for (place, route) in routes.enumerated().reversed() { places[RouteKey(route)] = place }
    }

    /// Adds a route of the kernel's own, unless there is one for the same prefix on the interface.
    mutating func install(_ route: Network.Route) {
        let key = RouteKey(route)
        if let place = places[key] {
            if routes[place].interface == route.interface { return }
            if routes.contains(where: { $0.interface == route.interface && RouteKey($0) == key }) { return }
        } else {
            places[key] = routes.count
        }
        routes.append(route)
    }
}

extension Network.Address {
    /// Whether it is an IPv4 address of the same network on the same interface.
    fileprivate func isOfNetwork(of other: Network.Address) -> Bool {
        interface == other.interface && prefixLength == other.prefixLength && address.isV4 && other.address.isV4
            && address.masked(to: prefixLength) == other.address.masked(to: prefixLength)
    }
}

extension NetworkBuilder.Assignment {
    /// - Parameter network: an address in the connected prefix: the peer's, otherwise the address itself.
    init(_ address: IPAddress, length: Int, to interface: Network.Interface, network: IPAddress? = nil, metric: UInt32? = nil) {
        self.address = Network.Address(address: address, prefixLength: length, interface: interface.index)
        let prefix = (network ?? address).masked(to: length)
        let width = address.family.width
        connected = []
        // A host address reaches nobody but itself.
        guard length < width || prefix != address, !prefix.isUnspecified else { return }
        // On the loopback every address of an IPv4 prefix is the host's own.
        let isOwn = interface.isLoopback && address.isV4
        connected.append(
            Network.Route(
                prefix: prefix, length: length, interface: interface.index, kind: isOwn ? .local : .unicast,
                metric: metric ?? (address.isV4 ? 0 : 256), source: address.isV4 ? address : nil))
        guard address.isV4, length < 31 else { return }
        let last = IPAddress(v4: prefix.v4 | UInt32.max >> UInt32(length))
        connected.append(Network.Route(prefix: last, length: 32, interface: interface.index, kind: .broadcast, source: address))
    }
}
