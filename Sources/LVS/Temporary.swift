public import Wire
public struct MarkRules: Hashable, Sendable { public init(family: IPFamily) {}
 var isEmpty: Bool { true }
 func mark(for q: MarkQuery) -> UInt32 { 0 } }
struct MarkQuery { var source: IPAddress, destination: IPAddress, proto: UInt8, sourcePort: UInt16, destinationPort: UInt16, ingress: String, tcpFlags: UInt8, isLaterFragment: Bool, isLocal: Bool }
