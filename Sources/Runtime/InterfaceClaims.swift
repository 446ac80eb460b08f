internal import CLinux
internal import Glibc
public import Linux
internal import SystemPackage

/// Keeps a second director of the network namespace off this one's interfaces: two of them would send every packet twice.
public final class InterfaceClaims {
    private struct Claim {
        var index: Int32
        var listener: Int32
    }

    private let poller: Poller
    private var claims: [String: Claim] = [:]
    private let log: Log

    private static let inheritedName = "claim-"

    /// - Parameters:
    ///   - interfaces: names.
    ///   - earlier: where claims may be that this process had as another program.
    /// - Throws: `RunError` that names the director which has one of them, or `Errno`.
    public init(_ interfaces: [String], inheriting earlier: InheritedDescriptors? = nil, log: Log) throws {
        self.log = log
        poller = try Poller()
        for (text, listener) in earlier?.takeAll(Self.inheritedName) ?? [] {
            let parts = text.split(separator: "-", maxSplits: 1).map(String.init)
            guard parts.count == 2, let index = Int32(parts[0]), interfaces.contains(parts[1]) else { continue }
            let own = listener.copy()
            try poller.watch(own, as: UInt64(own))
            claims[parts[1]] = Claim(index: index, listener: own)
        }
        for name in interfaces where claims[name] == nil {
            let index = Int32(bitPattern: if_nametoindex(name))
            guard try claim(name, index) else {
                throw RunError("interface \(name): \(Self.holder(of: index)) directs its frames already")
            }
        }
    }

    /// The claims as this process goes on with them when it becomes another program, by name.
    public var legacy: [(name: String, descriptor: Int32)] {
        claims.map { ("\(Self.inheritedName)\($0.value.index)-\($0.key)", $0.value.listener) }
    }

    deinit { for claim in claims.values { close(claim.listener) } }

    /// Readable when somebody asks.
    public var descriptor: Int32 { poller.descriptor }

    /// Tells whoever asks which process this is.
    public func answer() { for claim in claims.values { svs_claim_answer(claim.listener) } }

    /// Follows interfaces that are back under another index.
    /// - Parameter index: the number of an interface, `nil` where there is none of this name.
    public func follow(_ index: (String) -> Int32?) {
        for (name, claim) in claims {
            guard let index = index(name), index != claim.index else { continue }
            guard let isFree = try? self.claim(name, index) else { continue }
            guard isFree else {
                log.say("warning: interface \(name): \(Self.holder(of: index)) directs its frames as well")
                claims[name]?.index = index
                continue
            }
            poller.forget(claim.listener)
            close(claim.listener)
        }
    }

    /// False when another process has the interface.
    private func claim(_ name: String, _ index: Int32) throws(Errno) -> Bool {
        let listener = svs_claim(index)
        if listener == 0 &- EADDRINUSE { return false }
        guard listener >= 0 else { throw Errno(rawValue: 0 &- listener) }
        try poller.watch(listener, as: UInt64(listener))
        claims[name] = Claim(index: index, listener: listener)
        return true
    }

    private static func holder(of index: Int32) -> String {
        let process = svs_claim_holder(index)
        return process > 0 ? "another director, process \(process)," : "another director"
    }
}
