/// The fate of one frame, with the one reason for it. Each frame that enters the director ends in exactly one verdict.
///
/// `name` is stable: tools and tests may rely on it.
@frozen public enum Verdict: UInt8, CaseIterable, Sendable, Hashable, BitwiseCopyable {
    // Sent on.
    case directRouting
    case tunneling
    case masquerading
    case fullNAT
    case bypass
    case replyTranslated
    case icmpToServer
    case icmpToClient
    case tunnelErrorToClient
    case localNode
    case routed
    // Kept for later.
    case fragmentQueued
    case neighborPending
    // Answered by the director as the host would.
    case arpReply
    case neighborAdvertisement
    case echoReply
    case reset
    case portUnreachable
    case protocolUnreachable
    // Passed to the host.
    case passForeignType
    case passNotLocal
    case passWaiting
    case passNoService
    case passServiceless
    case passBackupOnly
    case passReply
    case passICMP
    case passARP
    case passFTPService
    // Dropped.
    case malformed
    case otherHost
    case groupDestination
    case oversizedFrame
    case shortTransport
    case noServer
    case serverGone
    case icmpNoServer
    case tableFull
    case dropPacketDefence
    case timeExceeded
    case fragmentationNeeded
    case packetTooBig
    case overheadTooLarge
    case noRoute
    case neighborUnknown
    case neighborQueueFull
    case noBuffer
    case icmpMalformed
    case icmpUnusable
    case icmpTimeExceeded
    case pathLearned
    case optionsRefused
    case martian
    case fragmentInvalid
    case fragmentOverlap
    case fragmentDuplicate
    case fragmentLimit
    case fragmentTimeout
    case unknownReply
    case noCallID
    case localAddressesExhausted
    case loopbackServer
    case bypassLocal
    case headersTooLong
    case noResponder
    case hostFirewall

    /// What becomes of the frame.
    public enum Fate: String, Sendable {
        /// Leaves through an interface, changed or wrapped.
        case sent
        /// Waits inside the director.
        case held
        /// The director answered it as the host would.
        case answered
        /// The host beside the director deals with it.
        case passed
        case dropped
    }

    public var fate: Fate {
        switch self {
        case .directRouting, .tunneling, .masquerading, .fullNAT, .bypass, .replyTranslated, .icmpToServer, .icmpToClient,
            .tunnelErrorToClient, .localNode, .routed:
            .sent
        case .fragmentQueued, .neighborPending: .held
        case .arpReply, .neighborAdvertisement, .echoReply, .reset, .portUnreachable, .protocolUnreachable: .answered
        case .passForeignType, .passNotLocal, .passWaiting, .passNoService, .passServiceless, .passBackupOnly,
            .passReply, .passICMP, .passARP, .passFTPService:
            .passed
        default: .dropped
        }
    }
}
