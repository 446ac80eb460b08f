internal import CLinux
public import Links
internal import Wire

extension SharedControl {
    /// Lets through what the filter accepts of the frames that are not carried, or more where that takes too many rules.
    public func accept(_ filter: PacketFilter) {
        guard let next = svs_carry_next_rules(memory) else { return }
        next.pointee.count = 0
        next.pointee.everything = 1
        next.pointee.icmp = filter.everyICMP ? 1 : 0
        next.pointee.icmp6 = filter.everyICMP || filter.captureMatches.contains { !$0.prefix.isV4 } ? 1 : 0
        if let rules = Self.rules(filter) {
            next.pointee.everything = 0
            next.pointee.count = UInt32(rules.count)
            for (place, rule) in rules.enumerated() { svs_carry_rule_at(next, Int32(place))?.pointee = rule }
        }
        svs_carry_turn_rules(memory)
    }

    private static func rules(_ filter: PacketFilter) -> [svs_carry_rule]? {
        guard filter.precision != .everything else { return nil }
        let matches = Set(filter.captureMatches)
        if matches.count <= Int(SVS_CARRY_RULES) { return matches.map(rule) }
        let wide = Set(matches.map { CaptureMatch($0.end, $0.prefix, prefixLength: $0.prefixLength) })
        return wide.count <= Int(SVS_CARRY_RULES) ? wide.map(rule) : nil
    }

    private static func rule(_ match: CaptureMatch) -> svs_carry_rule {
        var rule = svs_carry_rule()
        let width = match.prefix.family.width, bits = match.prefixLength + 128 - width
        var address = match.prefix, mask = IPAddress(high: .max, low: .max).masked(to: bits)
        if match.prefix.isV4 {
            // The program sees the four bytes alone.
            address = IPAddress(high: 0, low: UInt64(match.prefix.v4))
            mask = IPAddress(high: .max, low: mask.low | 0xffff_ffff_0000_0000)
        }
        rule.address = (address.high.bigEndian, address.low.bigEndian)
        rule.mask = (mask.high.bigEndian, mask.low.bigEndian)
        rule.family = match.prefix.family.rawValue
        rule.is_destination = match.end == .destination ? 1 : 0
        rule.protocol = match.proto ?? 0
        (rule.first, rule.last) = (match.ports?.lowerBound ?? 0, match.ports?.upperBound ?? .max)
        return rule
    }
}
