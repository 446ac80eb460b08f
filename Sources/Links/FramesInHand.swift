/// The frames that a director had in hand when it ended, as they lay in memory then: not yet looked at, half rewritten, or sent
/// already. One of them may be what ended it.
public struct FramesInHand: Sendable {
    /// All of them, also those that are not whole in memory, such as superframes.
    public var count = 0
    /// Each with its arrival in nanoseconds since 1970.
    public var frames: [(bytes: [UInt8], arrival: UInt64)] = []

    public init() {}

    public static func += (hand: inout Self, other: Self) {
        hand.count += other.count
        hand.frames += other.frames
    }

    /// The frames in the order in which they arrived, as a pcap file has them: this machine's byte order, nanoseconds
    /// (pcap-savefile(5)).
    public var pcap: [UInt8] {
        var file: [UInt8] = []
        func put(_ numbers: UInt32...) { for number in numbers { withUnsafeBytes(of: number) { file += $0 } } }
        // Version 2.4, no time zone, Ethernet.
        put(0xa1b2_3c4d, 0, 0, 0, UInt32(PcapWriter.longestFrame), 1)
        file.replaceSubrange(4..<8, with: [2, 4].flatMap { (version: UInt16) in withUnsafeBytes(of: version) { Array($0) } })
        for frame in frames.sorted(by: { $0.arrival < $1.arrival }) {
            let (seconds, nanoseconds) = frame.arrival.quotientAndRemainder(dividingBy: 1_000_000_000)
            put(UInt32(truncatingIfNeeded: seconds), UInt32(nanoseconds), UInt32(frame.bytes.count), UInt32(frame.bytes.count))
            file += frame.bytes
        }
        return file
    }
}
