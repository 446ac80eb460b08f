import Clibnl
import Glibc
public import LVS
import Wire

/// The director host's links, addresses, routes (tables local and main) and neighbours, read by rtnetlink and followed
/// through its notifications, in the network namespace of the thread that makes it.
///
/// It keeps the kernel's tables itself and hands on what changed, so give one and the same `Network` to every `update`.
public final class HostNetwork {
    private let requests: NetlinkSocket
    private let notifications: NetlinkSocket
    private var interfaces: [LVS.Network.Interface] = []
    private var addresses: [LVS.Network.Address] = []
    private var neighbors: [LVS.Network.NeighborKey: MACAddress] = [:]
    private var tables = Tables()
    private var changed = Parts.all
    private var stale: Parts = []
    /// Neighbours to hand on, `nil` for those that went.
    private var changedNeighbors: [LVS.Network.NeighborKey: MACAddress?] = [:]
    /// Neighbours that the kernel has asked in vain, to hand on.
    private var failedNeighbors: [LVS.Network.NeighborKey] = []
    /// IPv4 addresses that went: the kernel drops routes that prefer them as source without a word.
    private var lostAddresses: Set<IPAddress> = []

    private struct Parts: OptionSet {
        let rawValue: UInt8
        static var links: Parts { .init(rawValue: 1) }
        static var addresses: Parts { .init(rawValue: 2) }
        static var routes4: Parts { .init(rawValue: 4) }
        static var routes6: Parts { .init(rawValue: 8) }
        static var neighbors: Parts { .init(rawValue: 16) }
        static var forwarding: Parts { .init(rawValue: 32) }
        static var all: Parts { .init(rawValue: 63) }
    }

    private struct Tables {
        var local4 = RouteTable(), main4 = RouteTable(), local6 = RouteTable(), main6 = RouteTable()

        mutating func with<Result>(_ entry: RouteEntry, _ body: (inout RouteTable) -> Result) -> Result {
            switch (entry.route.prefix.isV4, entry.isLocalTable) {
            case (true, true): body(&local4)
            case (true, false): body(&main4)
            case (false, true): body(&local6)
            case (false, false): body(&main6)
            }
        }

        /// The local table first: the kernel asks it first.
        var all: [LVS.Network.Route] {
            var all: [LVS.Network.Route] = []
            all.reserveCapacity(local4.count + main4.count + local6.count + main6.count)
            for table in [local4, main4, local6, main6] { table.append(to: &all) }
            return all
        }
    }

    /// Reads everything; the first `update` hands it on.
    public init() throws(HostError) {
        // Listening begins before reading: what changes in between is told again, which does no harm.
        notifications = try NetlinkSocket(
            groups: [
                RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_NEIGH,
                RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF,
            ].map(\.rawValue))
        requests = try NetlinkSocket()
        try read(.all)
    }

    /// Readable (poll(2), POLLIN) when the network may have changed.
    public var descriptor: Int32 { notifications.descriptor }

    /// Takes in what changed, without waiting, and hands it on; true when `network` is different now. After an overrun of
    /// the notifications (ENOBUFS) everything is read again.
    @discardableResult
    public func update(_ network: inout LVS.Network) throws(HostError) -> Bool {
        if try notifications.drain({ follow($0) }) == .overrun { stale = .all }
        if !lostAddresses.isEmpty {
            if tables.main4.prefersAny(of: lostAddresses) { stale.insert(.routes4) }
            lostAddresses = []
        }
        if !stale.isEmpty {
            let parts = stale
            stale = []
            try read(parts)
        }
        return handOn(to: &network)
    }

    private func handOn(to network: inout LVS.Network) -> Bool {
        let before = network.generation
        if changed.contains(.links) { network.interfaces = interfaces }
        if changed.contains(.addresses) { network.addresses = addresses }
        if !changed.isDisjoint(with: [.routes4, .routes6]) { network.routes = tables.all }
        for (key, mac) in changedNeighbors { network.setNeighbor(key.address, on: key.interface, to: mac) }
        changedNeighbors.removeAll(keepingCapacity: true)
        for key in failedNeighbors { network.failNeighbor(key.address, on: key.interface) }
        failedNeighbors.removeAll(keepingCapacity: true)
        var isDifferent = network.generation != before
        if changed.contains(.forwarding) {
            let forwards4 = Sysctl.number("net/ipv4/ip_forward") == 1
            let forwards6 = (Sysctl.number("net/ipv6/conf/all/forwarding") ?? 0) > 0
            if (forwards4, forwards6) != (network.forwards4, network.forwards6) {
                network.forwards4 = forwards4
                network.forwards6 = forwards6
                isDifferent = true
            }
        }
        changed = []
        return isDifferent
    }

    private func follow(_ message: RtnetlinkMessage) {
        switch message.type {
        case Int32(RTM_NEWLINK), Int32(RTM_DELLINK): followLink(message)
        case Int32(RTM_NEWADDR), Int32(RTM_DELADDR): followAddress(message)
        case Int32(RTM_NEWROUTE), Int32(RTM_DELROUTE): followRoute(message)
        case Int32(RTM_NEWNEIGH), Int32(RTM_DELNEIGH): followNeighbor(message)
        case Int32(RTM_NEWNETCONF), Int32(RTM_DELNETCONF): changed.insert(.forwarding)
        default: break
        }
    }

    private func followLink(_ message: RtnetlinkMessage) {
        // A bridge tells of its ports in the same words (AF_BRIDGE): the port leaves the bridge, not the host.
        guard let fixed = message.fixed(ifinfomsg.self), Int32(fixed.ifi_family) == AF_UNSPEC else { return }
        let place = interfaces.firstIndex { $0.index == fixed.ifi_index }
        if message.type == Int32(RTM_DELLINK) {
            guard let place else { return }
            interfaces.remove(at: place)
            changed.insert(.links)
            stale.insert(.routes4)
            return
        }
        guard let link = message.withObject(LVS.Network.Interface.init(link:)) else { return }
        // Of a link that goes down the kernel drops IPv4 routes, or marks next hops dead, without a word.
        if let place, interfaces[place].isUp != link.isUp { stale.insert(.routes4) }
        guard let place else {
            interfaces.append(link)
            changed.insert(.links)
            return
        }
        guard interfaces[place] != link else { return }
        interfaces[place] = link
        changed.insert(.links)
    }

    private func followAddress(_ message: RtnetlinkMessage) {
        let isGone = message.type == Int32(RTM_DELADDR)
        let told = message.withObject { isGone || !isTentative($0) ? LVS.Network.Address(address: $0) : nil }
        guard let address = told else { return }
        let place = addresses.firstIndex(of: address)
        guard isGone == (place != nil) else { return }
        if let place { addresses.remove(at: place) }
        changed.insert(.addresses)
        if address.address.isV4 {
            if isGone { lostAddresses.insert(address.address) }
            // With a link's last address the kernel drops IPv4 routes through it, with its first one it revives next hops,
            // both without a word.
            if !addresses.contains(where: { $0.interface == address.interface && $0.address.isV4 }) { stale.insert(.routes4) }
        }
        if !isGone { addresses.append(address) }
    }

    private func followRoute(_ message: RtnetlinkMessage) {
        guard let entry = RouteEntry(message) else {
            // A route that was replaced by one whose next hops are all dead, or of a kind that is not kept.
            if let fixed = message.fixed(rtmsg.self), RouteEntry.isKept(fixed), message.flags & NLM_F_REPLACE != 0 {
                stale.insert(Int32(fixed.rtm_family) == AF_INET ? .routes4 : .routes6)
            }
            return
        }
        let part = entry.route.prefix.isV4 ? Parts.routes4 : .routes6
        let outcome = tables.with(entry) { table in
            message.type == Int32(RTM_DELROUTE) ? table.remove(entry) : table.add(entry, replaces: message.flags & NLM_F_REPLACE != 0)
        }
        switch outcome {
        case .same: break
        case .changed: changed.insert(part)
        case .mustBeRead: stale.insert(part)
        }
    }

    private func followNeighbor(_ message: RtnetlinkMessage) {
        // A bridge's forwarding table is told in the same words (AF_BRIDGE).
        guard let entry = Self.neighbor(message) else { return }
        let mac = message.type == Int32(RTM_DELNEIGH) ? nil : entry.mac
        if entry.hasFailed { failedNeighbors.append(entry.key) }
        guard neighbors[entry.key] != mac else { return }
        neighbors[entry.key] = mac
        changedNeighbors[entry.key] = .some(mac)
    }

    private static func neighbor(_ message: RtnetlinkMessage) -> NeighborEntry? {
        guard let fixed = message.fixed(ndmsg.self), [AF_INET, AF_INET6].contains(Int32(fixed.ndm_family)) else { return nil }
        return message.withObject(NeighborEntry.init(neighbor:))
    }
}

extension HostNetwork {
    /// How often a table that changes while it is read is read again; what is still missing then comes as notifications.
    private static var attempts: Int { 4 }

    private func read(_ parts: Parts) throws(HostError) {
        changed.formUnion(parts)
        if parts.contains(.links) { try readLinks() }
        if parts.contains(.addresses) { try readAddresses() }
        if parts.contains(.routes4) { try readRoutes(AF_INET) }
        if parts.contains(.routes6) { try readRoutes(AF_INET6) }
        if parts.contains(.neighbors) { try readNeighbors() }
    }

    private func readLinks() throws(HostError) {
        for _ in 0..<Self.attempts {
            var found: [LVS.Network.Interface] = []
            let isWhole = try requests.dump(Int32(RTM_GETLINK), "links") { message in
                if let link = message.withObject(LVS.Network.Interface.init(link:)) { found.append(link) }
            }
            interfaces = found
            if isWhole { return }
        }
    }

    private func readAddresses() throws(HostError) {
        for _ in 0..<Self.attempts {
            var found: [LVS.Network.Address] = []
            let isWhole = try requests.dump(Int32(RTM_GETADDR), "addresses") { message in
                let address = message.withObject { isTentative($0) ? nil : LVS.Network.Address(address: $0) }
                if let address { found.append(address) }
            }
            addresses = found
            if isWhole { return }
        }
    }

    private func readRoutes(_ family: Int32) throws(HostError) {
        for _ in 0..<Self.attempts {
            var found = Tables()
            let isWhole = try requests.dump(Int32(RTM_GETROUTE), family: family, "routes") { message in
                if let entry = RouteEntry(message) { found.with(entry) { $0.list(entry) } }
            }
            if family == AF_INET {
                (tables.local4, tables.main4) = (found.local4, found.main4)
            } else {
                (tables.local6, tables.main6) = (found.local6, found.main6)
            }
            if isWhole { return }
        }
    }

    private func readNeighbors() throws(HostError) {
        for _ in 0..<Self.attempts {
            var found: [LVS.Network.NeighborKey: MACAddress] = [:]
            let isWhole = try requests.dump(Int32(RTM_GETNEIGH), "neighbours") { message in
                if let entry = Self.neighbor(message), let mac = entry.mac { found[entry.key] = mac }
            }
            for key in neighbors.keys where found[key] == nil { changedNeighbors[key] = .some(nil) }
            for (key, mac) in found where neighbors[key] != mac { changedNeighbors[key] = mac }
            neighbors = found
            if isWhole { return }
        }
    }
}
