import Wire

extension PolicyRule: CustomStringConvertible {
    /// The rule in the words of `ip rule`: `priority 100 from 192.0.2.0/24 lookup 200`.
    public var description: String { words.joined(separator: " ") }

    private var words: [String] {
        var words = ["priority", "\(priority)"]
        if isInverted { words.append("not") }
        words += ["from", Self.text(source)]
        if let destination { words += ["to", Self.text(destination)] }
        if let ingress { words += ["iif", ingress] }
        if let egress { words += ["oif", egress] }
        if mark != 0 || markMask != 0 {
            words += ["fwmark", "0x" + String(mark, radix: 16) + (markMask == .max ? "" : "/0x" + String(markMask, radix: 16))]
        }
        if typeOfService != 0 { words += ["tos", "0x" + String(typeOfService, radix: 16)] }
        if proto != 0 { words += ["ipproto", "\(proto)"] }
        if let sourcePorts { words += ["sport", Self.text(sourcePorts)] }
        if let destinationPorts { words += ["dport", Self.text(destinationPorts)] }
        if let users { words += ["uidrange", "\(users.lowerBound)-\(users.upperBound)"] }
        if let tunnel { words += ["tun_id", "\(tunnel)"] }
        switch action {
        case .lookup(let table): words += ["lookup", RouteTableID.name(of: table)]
        case .goto(let target): words += ["goto", "\(target)"]
        case .nop: words.append("nop")
        case .unreachable: words.append("unreachable")
        case .prohibit: words.append("prohibit")
        case .blackhole: words.append("blackhole")
        }
        if let suppressedLength { words += ["suppress_prefixlength", "\(suppressedLength)"] }
        return words
    }

    private static func text(_ prefix: AddressPrefix?) -> String { prefix.map { "\($0.address)/\($0.length)" } ?? "all" }

    private static func text(_ ports: ClosedRange<UInt16>) -> String {
        ports.count == 1 ? "\(ports.lowerBound)" : "\(ports.lowerBound)-\(ports.upperBound)"
    }
}

extension RouteTableID {
    /// The name that every host has for a table, or its number.
    public static func name(of table: UInt32) -> String {
        switch table {
        case `default`: "default"
        case main: "main"
        case local: "local"
        default: "\(table)"
        }
    }
}
