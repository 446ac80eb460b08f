import Admin
import LVS
import Wire

/// What is said of others who claim a virtual address of the director's: that somebody does, and that he does no more.
final class ClaimNews {
    fileprivate struct Subject: Hashable {
        var address: IPAddress
        var mac: MACAddress
        var interface: Int32
    }
    /// Claims that were said to stand, with their interfaces' names.
    private var said: [Subject: String] = [:]
    /// Nanoseconds that a claim must have stood: where VRRP changes masters, the new one's may come just before the old one lets go.
    private static let delay: Instant = 500 * millisecond

    /// To be called every second or so.
    /// - Parameter names: of the interfaces that frames are taken from.
    /// - Returns: the claims that stand.
    func follow(_ director: inout Director, on names: [String], at now: Instant, say: (String) -> Void) -> [DirectorStatus.Claim] {
        guard !said.isEmpty || !director.addressClaims.isEmpty else { return [] }
        let places = director.addressesOnWires(names)
        var standing: Set<Subject> = []
        var claims: [DirectorStatus.Claim] = []
        for claim in director.addressClaims
        where now - claim.last < AddressClaim.patience && (now - claim.first >= Self.delay || said[Subject(claim)] != nil) {
            guard let wire = places.first(where: { $0.address == claim.address && $0.interface.index == claim.interface })?.interface else {
                continue
            }
            standing.insert(Subject(claim))
            let status = DirectorStatus.Claim(address: "\(claim.address)", interface: wire.name, mac: "\(claim.mac)")
            claims.append(status)
            if said.updateValue(wire.name, forKey: Subject(claim)) == nil { say("warning: \(status.fault.text); \(status.fault.cure)") }
        }
        for (subject, name) in said where !standing.contains(subject) {
            said[subject] = nil
            guard places.contains(where: { $0.address == subject.address }) else { continue }
            say("\(subject.mac) on \(name) claims \(subject.address) no more")
        }
        return claims
    }
}

extension ClaimNews.Subject {
    fileprivate init(_ claim: AddressClaim) { self.init(address: claim.address, mac: claim.mac, interface: claim.interface) }
}
