internal import CLinux
internal import Glibc
internal import Linux
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

    /// - Parameter interfaces: names.
    /// - Throws: `RunError` that names the director which has one of them, or `Errno`.
    public init(_ interfaces: [String], log: Log) throws {
        self.log = log
        poller = try Poller()
        for name in interfaces {
            let index = Int32(bitPattern: if_nametoindex(name))
            guard try claim(name, index) else {
                throw RunError("interface \(name): \(Self.holder(of: index)) directs its frames already")
            }
        }
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
