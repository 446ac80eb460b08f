import LVS
import Wire

/// Everything that the host's part follows from, as it is at one moment; any thread may look at it.
struct HostStateInput: Sendable {
    /// In the order of listings; what they count means nothing here.
    var services: [ServiceRecord]
    /// What is translated of servers that are none any more.
    var formerReplies: Set<ReplyEndpoint>
    var holders: VirtualAddressHolders
    var network: Network
    var marks4: MarkRules, marks6: MarkRules
    /// The host's own rules, and those that mark: what is passed over of them is said.
    var rules: [MarkRules]
    var isBackupOnly: Bool
    var ownership: Ownership

    /// - Parameter services: those of the director; they are looked at a few at a time, so they may be a little older.
    init(_ director: inout Director, services: [ServiceRecord]) {
        self.services = services
        formerReplies = director.formerReplies
        holders = director.virtualAddressHolders()
        network = director.network
        (marks4, marks6) = (director.marks4, director.marks6)
        rules = [marks4, marks6, director.firewall4, director.firewall6]
        isBackupOnly = director.isBackupOnly
        ownership = director.hostEmulation.ownership
    }

    /// Whether the director has a local address of FULLNAT instead of the host.
    func ownsLocalAddress(_ address: IPAddress) -> Bool { ownership.covers(localAddress: address) && !network.isLocal(address) }
}
