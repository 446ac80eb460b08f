import Clibnl
import Glibc
import LVS
import Wire

extension HostNetwork {
    /// How often a table that changes while it is read is read again; what is still missing then comes as notifications.
    private static var attempts: Int { 4 }

    func read(_ parts: Parts) throws(HostError) {
        changed.formUnion(parts)
        if parts.contains(.links) { try readLinks() }
        if parts.contains(.addresses) { try readAddresses() }
        if parts.contains(.routes4) { try readRoutes(AF_INET) }
        if parts.contains(.routes6) { try readRoutes(AF_INET6) }
        if parts.contains(.rules4) { rules4 = try readRules(AF_INET, .rules4) }
        if parts.contains(.rules6) { rules6 = try readRules(AF_INET6, .rules6) }
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
        let part = family == AF_INET ? Parts.routes4 : .routes6
        for _ in 0..<Self.attempts {
            var found = Tables(), reasons: Set<String> = []
            let isWhole = try requests.dump(Int32(RTM_GETROUTE), family: family, "routes") { message in
                if let entry = RouteEntry(message) { found.with(entry) { $0.list(entry) } }
                if let reason = RouteEntry.unfollowed(message) { reasons.insert(reason) }
            }
            tables.replace(isV4: family == AF_INET, by: found)
            unfollowed[part.rawValue] = reasons
            if isWhole { return }
        }
    }

    private func readRules(_ family: Int32, _ part: Parts) throws(HostError) -> [PolicyRule] {
        var rules: [PolicyRule] = []
        for _ in 0..<Self.attempts {
            var reasons: Set<String> = []
            rules = []
            let isWhole = try requests.dump(Int32(RTM_GETRULE), family: family, "policy rules") { message in
                guard let entry = RuleEntry(message) else { return }
                if family == AF_INET, !entry.isKernels { hasSeenRules = true }
                if let reason = entry.unfollowed { reasons.insert(reason) } else if !entry.isDirectors { rules.append(entry.rule) }
            }
            unfollowed[part.rawValue] = reasons
            if isWhole { break }
        }
        return rules
    }

    private func readNeighbors() throws(HostError) {
        for _ in 0..<Self.attempts {
            var found: [LVS.Network.NeighborKey: MACAddress] = [:], fixed: Set<LVS.Network.NeighborKey> = []
            let isWhole = try requests.dump(Int32(RTM_GETNEIGH), "neighbours") { message in
                guard let entry = Self.neighbor(message), let mac = entry.mac else { return }
                found[entry.key] = mac
                if entry.isStatic { fixed.insert(entry.key) }
            }
            for key in neighbors.keys where found[key] == nil { changedNeighbors[key] = .some(nil) }
            for (key, mac) in found where neighbors[key] != mac { changedNeighbors[key] = mac }
            (neighbors, staticNeighbors) = (found, fixed)
            if isWhole { return }
        }
    }
}
