import Wire

/// How a datagram came in, while its reassembled packet is on its way through the director: on the way out it is
/// fragmented again as it was (IPCB(skb)->frag_max_size, ip_do_fragment).
///
/// A reassembled packet of the kernel is its first fragment with the others hanging on it. Where these still fit together
/// they leave as they are; otherwise the packet is cut anew into pieces as long as the longest was.
struct OriginalFragments: BitwiseCopyable {
    /// A fragment that hangs behind the first.
    private struct Hanging: BitwiseCopyable {
        /// Bytes of its payload, and of the headers it came with.
        var length: Int32
        var headers: Int32
    }

    /// In the outbox's memory, since they are of interest until the batch ends: those from `first` to before `end`. Those before
    /// hang no more.
    private let hanging: SlabView<Hanging>
    private var first = 0
    private var end = 0
    /// Payload bytes of the first fragment.
    let firstLength: Int
    /// Length of the longest fragment as an IP packet, the limit for pieces that are cut anew.
    let longest: Int
    /// The longest fragment had DF, so have the pieces that are cut anew.
    let hasDF: Bool
    /// IPv6: the fragments' identification.
    let id: UInt32
    private let family: IPFamily
    private let isForwarded: Bool
    /// Bytes of their payloads.
    private var restLength = 0

    /// Those of a complete datagram; `nil` when the batch has used up the outbox's memory.
    init?(_ datagram: ReassemblyQueue, in outbox: inout Outbox) {
        guard let hanging = outbox.room(for: datagram.pieces.count, of: Hanging.self) else { return nil }
        self.hanging = hanging
        family = datagram.key.source.family
        firstLength = datagram.pieces.first?.payload.count ?? 0
        longest = datagram.longest
        hasDF = family == .v4 && datagram.longestUnbreakable == datagram.longest
        id = datagram.key.id
        isForwarded = datagram.key.isForwarded
        // What is delivered to the host grows together while it fits behind the first fragment.
        var tailroom = family == .v4 && !datagram.key.isForwarded ? datagram.tailroom : -1
        for piece in datagram.pieces.dropFirst() {
            if end == 0, piece.payload.count <= tailroom {
                tailroom -= piece.payload.count
            } else {
                hanging[end] = Hanging(length: Int32(piece.payload.count), headers: Int32(piece.headers))
                restLength += piece.payload.count
                end += 1
            }
        }
    }

    /// The first `count` bytes of a payload of `total` bytes have to stand together: fragments that were shorter hang no more,
    /// or by their rest.
    mutating func join(first count: Int, of total: Int) {
        var missing = min(count, total) - (total - restLength)
        while missing > 0, first < end {
            let moved = min(missing, Int(hanging[first].length))
            missing -= moved
            restLength -= moved
            hanging[first].length -= Int32(moved)
            if hanging[first].length == 0 { first += 1 }
        }
    }

    /// Whether a reassembled packet longer than the way's MTU passes nevertheless: IPv6 is judged by its longest fragment, and
    /// an IPv4 reply that may not be broken was judged before it was put together.
    func fit(_ limit: Int) -> Bool { family == .v6 ? longest <= limit : isForwarded && hasDF }

    /// Bytes that the longest fragment of IPv6, which has one header more, was longer than the whole packet.
    func excess(over packet: Packet) -> Int32 { family == .v6 ? max(Int32(longest) - packet.length, 0) : 0 }

    /// Whether a fragment was as long as the whole packet of IPv6, which leaves in one piece then.
    func isOnePiece(_ packet: Packet) -> Bool { packet.family == .v6 && Int(packet.length) <= longest }

    /// Whether the kernel still remembers the fragments' lengths when the packet leaves as `bytes`: it forgets them when an
    /// outer header of IPv6, or around IPv6, stands in front.
    func remembersLengths(in bytes: Bytes, as verdict: Verdict) -> Bool {
        verdict != .tunneling || family == .v4 && bytes[0] >> 4 == 4
    }

    /// Longest piece as an IP packet, on a way that carries `mtu`.
    func limit(_ mtu: Int, in bytes: Bytes, as verdict: Verdict) -> Int {
        guard remembersLengths(in: bytes, as: verdict) else { return mtu }
        return min(mtu, family == .v4 ? longest : max(longest, 1280))
    }

    /// Payload sizes when the fragments leave as they are; `nil` when they cannot. `headers` is what precedes the payload in
    /// each piece, `total` the payload in all, `room` what a piece can hold of it.
    func sizes(total: Int, headers: Int, room: Int) -> [Int]? {
        guard first < end else { return nil }
        let head = total - restLength
        guard head > 0, head <= room, head & 7 == 0 else { return nil }
        var sizes = [head]
        for place in first..<end {
            let length = Int(hanging[place].length)
            guard length <= room, length & 7 == 0 || place == end - 1, hanging[place].headers >= headers else { return nil }
            sizes.append(length)
        }
        return sizes
    }
}
