import Host
import LVS
import Links
import Wire

/// What is to be done for the host to follow services and network, worked out by a thread of its own: none of it is short where
/// there are many services.
struct HostPlan: Sendable {
    /// What the host was last told, and how its interfaces were then.
    struct EarlierState: Sendable {
        var suppressed: SuppressedTraffic?
        /// The director's interfaces.
        var known: [Network.Interface] = []
        var led: OwnTraffic?
        var announced: Set<IPAddress> = []
        /// Addresses that nobody has.
        var waiting: Set<IPAddress> = []
    }

    var suppressed: SuppressedTraffic
    /// The same as a request; empty where there is nothing to mute anew.
    var request: [UInt8] = []
    /// Everything is muted anew.
    var mutes = false
    /// For the links, before the host is muted for what it lets through; `nil` when it stays.
    var filter: PacketFilter?
    var present: [Network.Interface]
    var ownTraffic: OwnTraffic
    /// It is led anew.
    var leads = false
    /// The same as a request; empty where nothing is led anew.
    var leadRequest: [UInt8] = []
    var mtu: Int
    var servicesNotLed: Int
    var owned: Set<IPAddress>
    /// Addresses that are announced now, and those that no longer are, in order.
    var fresh: [IPAddress], gone: [IPAddress]
    /// Whether the host forwards IPv6.
    var isRouter: Bool
    var waiting: Set<IPAddress>
    /// Addresses that wait from now on, and those that the host has at last.
    var newlyWaiting: Set<IPAddress>, come: Set<IPAddress>
    /// Rules that are passed over.
    var notHonoured: [String]
    /// What keeps the host from doing its part, where that is asked for.
    var warnings: [String] = []

    /// - Parameters:
    ///   - interfaces: names of those that frames are taken from.
    ///   - warns: warnings are asked for.
    ///   - codec: makes requests of what is to be muted and to be led.
    init(_ input: HostStateInput, since before: EarlierState, on interfaces: [String], warns: Bool, codec: RequestCodec) {
        let derived = DerivedHostState(input), network = input.network
        suppressed = derived.suppressed
        suppressed.interfaces = interfaces
        present = network.interfaces.filter { interfaces.contains($0.name) }
        if suppressed != before.suppressed {
            filter = PacketFilter(accepting: derived.captureMatches, everyICMP: derived.translates || derived.tunnels)
        }
        if filter != nil || present != before.known {
            mutes = true
            request = codec.suppression(suppressed)
        }
        (ownTraffic, servicesNotLed) = (derived.ownTraffic, derived.servicesNotLed)
        mtu = present.map(\.mtu).min() ?? 1500
        leads = ownTraffic != before.led || mtu != before.known.map(\.mtu).min() ?? 1500
        if leads { leadRequest = codec.lead(ownTraffic, mtu) }
        owned = Set(derived.owned)
        (fresh, gone) = (owned.subtracting(before.announced).sorted(), before.announced.subtracting(owned).sorted())
        isRouter = network.forwards6
        waiting = derived.waiting
        newlyWaiting = waiting.subtracting(before.waiting)
        come = before.waiting.subtracting(waiting).filter { network.isLocal($0) }
        if warns { warnings = HostWarnings.lines(input.services, network) }
        notHonoured = HostRulesInForce.notHonoured(input.rules, by: input.services.map(\.key))
    }
}
