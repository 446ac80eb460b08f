import LVS
import Wire

/// Writes addresses and ports as listings show them.
struct Naming<Names: NameResolver> {
    let names: Names
    let numeric: Bool

    /// `address:port`, IPv6 in square brackets, at most 59 bytes.
    func name(_ address: IPAddress, _ family: IPFamily, _ port: String) -> String {
        let host = (numeric ? nil : names.hostName(of: address)) ?? Self.text(address, family)
        let whole = family == .v6 ? "[\(host)]:\(port)" : "\(host):\(port)"
        return whole.utf8.count < 60 ? whole : String(decoding: whole.utf8.prefix(59), as: UTF8.self)
    }

    func name(_ address: IPAddress, _ family: IPFamily, _ port: UInt16, proto: UInt8) -> String {
        name(address, family, self.port(port, proto: proto))
    }

    private func port(_ port: UInt16, proto: UInt8) -> String {
        (numeric ? nil : names.serviceName(ofPort: port, proto: proto)) ?? String(port)
    }

    /// The service's address with its port, or all its ports: `10.9.0.1:80,8000-8099`.
    func name(of key: ServiceKey) -> String {
        guard !key.ranges.isEmpty else { return name(key.address, key.family, key.port, proto: key.proto) }
        let ports = key.ranges.map { range in
            let low = port(range.lowerBound, proto: key.proto)
            return range.count == 1 ? low : "\(low)-\(port(range.upperBound, proto: key.proto))"
        }
        let host = name(key.address, key.family, "")
        return host + ports.joined(separator: ",")
    }

    /// The address in the form of its family; an IPv6 service may hold an IPv4-mapped address.
    static func text(_ address: IPAddress, _ family: IPFamily) -> String {
        address.isV4 && family == .v6 ? "::ffff:\(address)" : "\(address)"
    }
}

/// Columns as printf makes them, counted in bytes.
extension String {
    /// Filled with blanks on the right, never cut: `%-Ns`.
    func left(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - utf8.count)) }

    /// Filled with blanks on the left, never cut: `%Ns`.
    func right(_ width: Int) -> String { String(repeating: " ", count: max(0, width - utf8.count)) + self }

    func cut(to bytes: Int) -> String { utf8.count <= bytes ? self : String(decoding: utf8.prefix(bytes), as: UTF8.self) }
}

extension FixedWidthInteger {
    func left(_ width: Int) -> String { String(self).left(width) }
    func right(_ width: Int) -> String { String(self).right(width) }
}

/// A counter in nine columns: scaled by thousands with a letter, or in full after at least one blank.
func largeNumber(_ number: UInt64, exact: Bool) -> String {
    if exact { return " " + number.right(8) }
    return switch number {
    case ..<100_000_000: number.right(9)
    case ..<1_000_000_000: (number / 1000).right(8) + "K"
    case ..<100_000_000_000: (number / 1_000_000).right(8) + "M"
    case ..<100_000_000_000_000: (number / 1_000_000_000).right(8) + "G"
    default: (number / 1_000_000_000_000).right(8) + "T"
    }
}
