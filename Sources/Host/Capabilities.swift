/// The rights of a process that the director needs (capabilities(7)).
public struct Capabilities: OptionSet, Hashable, Sendable {
    /// The kernel's mask: bit n is capability n.
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Interfaces, routes, nftables, TUN devices.
    public static var netAdmin: Capabilities { .init(rawValue: 1 << 12) }
    /// Packet sockets.
    public static var netRaw: Capabilities { .init(rawValue: 1 << 13) }
    /// What `svs run` needs.
    public static var required: Capabilities { [.netAdmin, .netRaw] }

    /// The calling process's effective set; empty where /proc does not tell.
    public static var effective: Capabilities {
        guard let status = Sysctl.contents("/proc/self/status") else { return [] }
        return Capabilities(status: String(decoding: status, as: UTF8.self)) ?? []
    }

    /// The effective set in the text of /proc/PID/status; `nil` when it has none.
    init?(status: String) {
        for line in status.split(separator: "\n") where line.hasPrefix("CapEff:") {
            guard let mask = UInt64(line.dropFirst(7).drop { $0 == "\t" || $0 == " " }, radix: 16) else { return nil }
            self.init(rawValue: mask)
            return
        }
        return nil
    }

    /// Names of those of `wanted` that this set lacks, for an error's text: `["CAP_NET_RAW"]`.
    public func missing(_ wanted: Capabilities = .required) -> [String] {
        [(Capabilities.netAdmin, "CAP_NET_ADMIN"), (.netRaw, "CAP_NET_RAW")]
            .filter { wanted.contains($0.0) && !contains($0.0) }.map { $0.1 }
    }
}
