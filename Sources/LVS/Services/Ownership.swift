public import Wire

/// For which virtual addresses that the host does not have the director answers in the host's place: ARP, neighbour
/// discovery and everything else that is sent to them.
public enum Ownership: Hashable, Sendable, CustomStringConvertible {
    /// For none, as in the kernel: a virtual address is the host's, or nobody's.
    case none
    /// For none, but for local addresses of FULLNAT: what a case means that says nothing of owning.
    case localAddresses
    /// For these.
    case only(Set<IPAddress>)
    /// For all.
    case all

    /// `none`, `all`, or addresses joined by commas; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        switch text {
        case "none": self = .none
        case "all": self = .all
        default:
            var addresses: Set<IPAddress> = []
            for word in text.split(separator: ",", omittingEmptySubsequences: false) {
                guard let address = IPAddress(word) else { return nil }
                addresses.insert(address)
            }
            self = .only(addresses)
        }
    }

    public var description: String {
        switch self {
        case .none: "none"
        case .localAddresses: "local-addresses"
        case .only(let addresses): addresses.sorted().map { "\($0)" }.joined(separator: ",")
        case .all: "all"
        }
    }

    /// Whether a service's virtual address is owned where the host does not have it.
    func covers(_ address: IPAddress) -> Bool {
        switch self {
        case .none, .localAddresses: false
        case .only(let addresses): addresses.contains(address)
        case .all: true
        }
    }

    /// The same for a local address of a FULLNAT service.
    public func covers(localAddress address: IPAddress) -> Bool { self == .localAddresses || covers(address) }
}
