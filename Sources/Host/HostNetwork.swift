import Clibnl
import Glibc
public import LVS
import Wire

/// The director host's links, addresses, policy rules, routes of all tables and neighbours, read by rtnetlink and followed
/// through its notifications, in the network namespace of the thread that makes it.
///
/// It keeps the kernel's tables itself and hands on what changed, so give one and the same `Network` to every `update`.
public final class HostNetwork {
    let requests: NetlinkSocket
    private let notifications: NetlinkSocket
    var interfaces: [LVS.Network.Interface] = []
    var addresses: [LVS.Network.Address] = []
    var neighbors: [LVS.Network.NeighborKey: MACAddress] = [:]
    var staticNeighbors: Set<LVS.Network.NeighborKey> = []
    var tables = Tables()
    var rules4: [PolicyRule] = [], rules6: [PolicyRule] = []
    /// What of rules and routes cannot be followed, by part, in the words of ip(8).
    var unfollowed: [UInt16: Set<String>] = [:]
    private var told: Set<String> = []
    /// Rules other than the kernel's own were seen: since then it keeps IPv4's tables local and main apart.
    var hasSeenRules = false
    var changed = Parts.all
    private var stale: Parts = []
    /// Neighbours to hand on, `nil` for those that went.
    var changedNeighbors: [LVS.Network.NeighborKey: MACAddress?] = [:]
    /// Neighbours that the kernel has asked in vain, to hand on.
    private var failedNeighbors: [LVS.Network.NeighborKey] = []
    /// Those that the kernel has in its table as failed.
    var failing: Set<LVS.Network.NeighborKey> = []
    /// IPv4 addresses that went: the kernel drops routes that prefer them as source without a word.
    private var lostAddresses: Set<IPAddress> = []

    struct Parts: OptionSet {
        let rawValue: UInt16
        static var links: Parts { .init(rawValue: 1) }
        static var addresses: Parts { .init(rawValue: 2) }
        static var routes4: Parts { .init(rawValue: 4) }
        static var routes6: Parts { .init(rawValue: 8) }
        static var neighbors: Parts { .init(rawValue: 16) }
        static var forwarding: Parts { .init(rawValue: 32) }
        static var rules4: Parts { .init(rawValue: 64) }
        static var rules6: Parts { .init(rawValue: 128) }
        static var all: Parts { .init(rawValue: 255) }
    }

    /// Reads everything; the first `update` hands it on.
    public init() throws(HostError) {
        // Listening begins before reading: what changes in between is told again, which does no harm.
        notifications = try NetlinkSocket(
            groups: [
                RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_NEIGH,
                RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE, RTNLGRP_NEXTHOP, RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF,
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
            if tables.prefersAny(of: lostAddresses) { stale.insert(.routes4) }
            lostAddresses = []
        }
        if !stale.isEmpty {
            let parts = stale
            stale = []
            do throws(HostError) { try read(parts) } catch {
                // What was not read is so the next time.
                stale = parts
                throw error
            }
        }
        return handOn(to: &network)
    }

    private func handOn(to network: inout LVS.Network) -> Bool {
        let before = network.generation
        if changed.contains(.links) { network.interfaces = interfaces }
        if changed.contains(.addresses) { network.addresses = addresses }
        if !changed.isDisjoint(with: [.routes4, .routes6]) { network.routes = tables.all }
        if !changed.isDisjoint(with: [.rules4, .rules6]) { handOnRules(to: &network) }
        for (key, mac) in changedNeighbors { network.setNeighbor(key.address, on: key.interface, to: mac) }
        changedNeighbors.removeAll(keepingCapacity: true)
        for key in failedNeighbors { network.failNeighbor(key.address, on: key.interface) }
        failedNeighbors.removeAll(keepingCapacity: true)
        if network.failing != failing { network.failing = failing }
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
        case Int32(RTM_NEWRULE), Int32(RTM_DELRULE): followRule(message)
        // The kernel does not tell of every route that a next hop of its own takes along.
        case Int32(RTM_NEWNEXTHOP), Int32(RTM_DELNEXTHOP): stale.formUnion([.routes4, .routes6])
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
        if message.type == Int32(RTM_NEWROUTE), let reason = RouteEntry.unfollowed(message) { unfollowed[0, default: []].insert(reason) }
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

    /// Where among others of its priority a rule stands is not told.
    private func followRule(_ message: RtnetlinkMessage) {
        guard let fixed = message.fixed(fib_rule_hdr.self) else { return }
        // A director's own are passed over; but the first rule of anybody's keeps IPv4's tables apart.
        if hasSeenRules || Int32(fixed.family) != AF_INET, RuleEntry(message)?.isDirectors == true { return }
        switch Int32(fixed.family) {
        case AF_INET: stale.insert(.rules4)
        case AF_INET6: stale.insert(.rules6)
        default: break
        }
    }

    private func handOnRules(to network: inout LVS.Network) {
        let rules = rules4 + rules6
        let joins = !hasSeenRules && rules4 == PolicyRule.standard.filter { $0.family == .v4 }
        if network.rules != rules { network.rules = rules }
        network.joinsLocalAndMain = joins
    }

    /// Rules and routes that cannot be followed and have not been told of before, each with the reason.
    public func newlyUnfollowed() -> [String] {
        let all = unfollowed.values.reduce(into: Set<String>()) { $0.formUnion($1) }
        let new = all.subtracting(told)
        told = all
        return new.sorted()
    }

    /// Whether a neighbour's MAC was set by hand. The kernel must not be told to use it: since Linux 5.16 that makes an entry like
    /// any other of it, which goes when nobody answers.
    public func isStatic(_ neighbor: LVS.Network.NeighborKey) -> Bool { staticNeighbors.contains(neighbor) }

    private func followNeighbor(_ message: RtnetlinkMessage) {
        // A bridge's forwarding table is told in the same words (AF_BRIDGE).
        guard let entry = Self.neighbor(message) else { return }
        let mac = message.type == Int32(RTM_DELNEIGH) ? nil : entry.mac
        if entry.hasFailed { failedNeighbors.append(entry.key) }
        if entry.hasFailed, message.type != Int32(RTM_DELNEIGH) {
            failing.insert(entry.key)
        } else if mac != nil || message.type == Int32(RTM_DELNEIGH) {
            failing.remove(entry.key)
        }
        if entry.isStatic && mac != nil { staticNeighbors.insert(entry.key) } else { staticNeighbors.remove(entry.key) }
        guard neighbors[entry.key] != mac else { return }
        neighbors[entry.key] = mac
        changedNeighbors[entry.key] = .some(mac)
    }

    static func neighbor(_ message: RtnetlinkMessage) -> NeighborEntry? {
        guard let fixed = message.fixed(ndmsg.self), [AF_INET, AF_INET6].contains(Int32(fixed.ndm_family)) else { return nil }
        return message.withObject(NeighborEntry.init(neighbor:))
    }
}
