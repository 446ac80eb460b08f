internal import Wire

/// What forwarding changed in a packet: header fields before and after, and headers that were put in front or taken off.
struct HeaderChanges: Codable {
    struct Change: Codable, Hashable {
        var header: String
        var field: String
        var before: String?
        var after: String?
    }
    /// Headers in front of the packet that were not there before, with all their fields.
    var added: [Change] = []
    var changed: [Change] = []

    init(from before: [UInt8], to after: [UInt8], guePorts: [UInt16]) {
        let old = Self.fields(before, guePorts), new = Self.fields(after, guePorts)
        let depth = Self.depth(new) - Self.depth(old)
        // Behind an outer header the packet's own headers are called inner ones.
        let prefix = depth > 0 ? String(repeating: "inner ", count: depth) : ""
        let outer = new.filter { $0.header != "Ethernet" && $0.header != "VLAN" && !$0.header.hasPrefix(prefix) }
        let own = new.filter { prefix.isEmpty || $0.header == "Ethernet" || $0.header == "VLAN" || $0.header.hasPrefix(prefix) }
            .map { field in
                var field = field
                if field.header.hasPrefix(prefix) { field.header.removeFirst(prefix.count) }
                return field
            }
        if depth > 0 { added = outer.map { Change(header: $0.header, field: $0.name, before: nil, after: Self.short($0.value)) } }
        var left = own
        for field in old where field.name != "padding" {
            if let place = left.firstIndex(where: { $0.header == field.header && $0.name == field.name }) {
                let now = left.remove(at: place)
                if now.value != field.value {
                    changed.append(
                        Change(header: field.header, field: field.name, before: Self.short(field.value), after: Self.short(now.value)))
                }
            } else {
                changed.append(Change(header: field.header, field: field.name, before: Self.short(field.value), after: nil))
            }
        }
        changed += left.map { Change(header: $0.header, field: $0.name, before: nil, after: Self.short($0.value)) }
    }

    private static func fields(_ frame: [UInt8], _ guePorts: [UInt16]) -> [PacketDescription.Field] {
        var bytes = frame
        return bytes.withBytes { PacketDescription.fields(of: $0, guePorts: guePorts) }
    }

    /// How many packets are nested, quotes not counted.
    private static func depth(_ fields: [PacketDescription.Field]) -> Int {
        fields.map { $0.header.split(separator: " ").prefix { $0 == "inner" }.count }.max() ?? 0
    }

    private static func short(_ value: String) -> String {
        value.utf8.count > 64 ? value.prefix(48) + ".. (\(value.utf8.count / 2) bytes)" : value
    }
}
