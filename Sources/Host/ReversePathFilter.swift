/// The kernel's reverse path filter (RFC 3704; net.ipv4.conf.*.rp_filter), which drops IPv4 packets whose source would not
/// be reached through the interface they came in on.
public enum ReversePathFilter: Int, Sendable, CustomStringConvertible {
    case off = 0
    /// Drops what would be answered through another interface.
    case strict = 1
    /// Drops only what would not be answered at all.
    case loose = 2

    /// The filter in force on an interface: the larger value of `all` and its own (ip-sysctl). `nil` when the host has no
    /// such interface.
    public static func inForce(on interface: String) -> ReversePathFilter? {
        inForce(all: Sysctl.read("net/ipv4/conf/all/rp_filter"), interface: Sysctl.read("net/ipv4/conf/\(interface)/rp_filter"))
    }

    /// The filter that two parameters' texts amount to.
    static func inForce(all: String?, interface: String?) -> ReversePathFilter? {
        guard let interface, let own = Int(interface) else { return nil }
        return ReversePathFilter(rawValue: max(all.flatMap { Int($0) } ?? 0, own))
    }

    public var description: String {
        switch self {
        case .off: "off"
        case .strict: "strict"
        case .loose: "loose"
        }
    }
}
