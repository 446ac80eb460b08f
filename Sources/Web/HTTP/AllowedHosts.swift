public import Wire

/// By which names a browser may ask (RFC 9110, 7.2). A page of somebody else's whose name is made to lead here (DNS rebinding) asks by
/// that name, and gets nothing.
public struct AllowedHosts: Sendable {
    private let names: Set<String>

    /// - Parameters:
    ///   - address: where the site listens.
    ///   - more: names by which it is known besides, such as those of a proxy in front of it.
    public init(_ address: IPAddress, _ more: [String] = []) {
        let own = address.isUnspecified ? [] : [address.isV4 ? "\(address)" : "[\(address)]"]
        names = Set((own + ["localhost", "127.0.0.1", "[::1]"] + more).map { $0.lowercased() })
    }

    /// Whether that is what the field `Host` may say; its port is the client's business.
    public func contains(_ field: String?) -> Bool {
        guard let field = field?.lowercased() else { return false }
        if names.contains(field) { return true }
        guard let colon = field.lastIndex(of: ":"), field[field.index(after: colon)...].allSatisfy(\.isASCIIDigit) else { return false }
        return names.contains(String(field[..<colon]))
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
