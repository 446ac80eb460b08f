import Wire
public struct MarkRules: Hashable, Sendable { public init() {}
 var isEmpty: Bool { true }
 func mark(for q: MarkQuery) -> UInt32 { 0 } }
struct MarkQuery { var source: IPAddress, destination: IPAddress, proto: UInt8, sourcePort: UInt16, destinationPort: UInt16, ingress: String, flags: TCPFlags, isLaterFragment: Bool }
enum Direction { case input, output, inputOnly }
enum TCPState: UInt8 { case none, established, synSent, synRecv, finWait, timeWait, close, closeWait, lastAck, listen, synAck }
enum SCTPState: UInt8 { case none, init1, initialised, c, d, e, f, g, established, h, i, j, k, closed }
enum TCPTracking { static func next(state: UInt8, flags: TCPFlags, direction: Direction, secure: Bool) -> UInt8 { 1 } }
enum SCTPTracking { static func next(state: UInt8, chunk: UInt8, direction: Direction) -> UInt8 { 1 } }
enum Transport { static func isActive(proto: UInt8, state: UInt8) -> Bool { true }
 static func stateName(proto: UInt8, state: UInt8) -> String { "" } }
struct TimeoutTable: BitwiseCopyable { var tcp: UInt32 = 900, fin: UInt32 = 120, udp: UInt32 = 300
 func timeout(proto: UInt8, state: UInt8) -> Instant { 0 } }
struct RateEstimator: BitwiseCopyable { mutating func tick(_ c: Counters) {}; mutating func zero() {}; var statistics: Statistics { Statistics() } }
extension Scheduler { func tunablesChanged(_ t: Tunables) {}; func flagsChanged(_ f: ServiceFlags) {} }
