import Wire

/// How the datagram in hand came in, while its reassembled packet is on its way through the director: on the way out it is
/// fragmented again as it was (IPCB(skb)->frag_max_size, ip_do_fragment).
///
/// A reassembled packet of the kernel is its first fragment with the others hanging on it. Where these still fit together
/// they leave as they are; otherwise the packet is cut anew into pieces as long as the longest was.
struct OriginalFragments {
    private(set) var isActive = false
    /// Payload bytes of the fragments that hang behind the first, and the length of the headers they came with.
    private(set) var rest: [(length: Int, headers: Int)] = []
    /// Payload bytes of the first fragment.
    private(set) var first = 0
    /// Length of the longest fragment as an IP packet, the limit for pieces that are cut anew.
    private(set) var longest = Int.max
    /// The longest fragment had DF, so have the pieces that are cut anew.
    private(set) var hasDF = false
    /// IPv6: the fragments' identification.
    private(set) var id: UInt32 = 0
    private var family = IPFamily.v4
    private var isForwarded = false
    private var restLength = 0

    /// Takes over how a complete datagram came in.
    mutating func begin(_ datagram: ReassemblyQueue) {
        isActive = true
        family = datagram.key.source.family
        first = datagram.pieces.first?.payload.count ?? 0
        longest = datagram.longest
        hasDF = family == .v4 && datagram.longestUnbreakable == datagram.longest
        id = datagram.key.id
        isForwarded = datagram.key.isForwarded
        rest.removeAll(keepingCapacity: true)
        // What is delivered to the host grows together while it fits behind the first fragment.
        var tailroom = family == .v4 && !datagram.key.isForwarded ? datagram.tailroom : -1
        for piece in datagram.pieces.dropFirst() {
            if rest.isEmpty, piece.payload.count <= tailroom {
                tailroom -= piece.payload.count
            } else {
                rest.append((piece.payload.count, piece.headers))
            }
        }
        restLength = rest.reduce(0) { $0 + $1.length }
    }

    mutating func end() { isActive = false }

    /// The first `count` bytes of a payload of `total` bytes have to stand together: fragments that were shorter hang no more,
    /// or by their rest.
    mutating func join(first count: Int, of total: Int) {
        guard isActive else { return }
        var missing = min(count, total) - (total - restLength)
        while missing > 0, let next = rest.first {
            let moved = min(missing, next.length)
            missing -= moved
            restLength -= moved
            if moved == next.length { rest.removeFirst() } else { rest[0].length -= moved }
        }
    }

    /// Whether a reassembled packet longer than the way's MTU passes nevertheless: IPv6 is judged by its longest fragment, and
    /// an IPv4 reply that may not be broken was judged before it was put together.
    func fit(_ limit: Int) -> Bool { isActive && (family == .v6 ? longest <= limit : isForwarded && hasDF) }

    /// Whether the kernel still remembers the fragments' lengths when the packet leaves as `bytes`: it forgets them when an
    /// outer header of IPv6, or around IPv6, stands in front.
    func remembersLengths(in bytes: Bytes, as verdict: Verdict) -> Bool {
        isActive && (verdict != .tunneling || family == .v4 && bytes[0] >> 4 == 4)
    }

    /// Longest piece as an IP packet, on a way that carries `mtu`.
    func limit(_ mtu: Int, in bytes: Bytes, as verdict: Verdict) -> Int {
        guard remembersLengths(in: bytes, as: verdict) else { return mtu }
        return min(mtu, family == .v4 ? longest : max(longest, 1280))
    }

    /// Payload sizes when the fragments leave as they are; `nil` when they cannot. `headers` is what precedes the payload in
    /// each piece, `total` the payload in all, `room` what a piece can hold of it.
    func sizes(total: Int, headers: Int, room: Int) -> [Int]? {
        guard isActive, !rest.isEmpty else { return nil }
        let first = total - restLength
        guard first > 0, first <= room, first & 7 == 0 else { return nil }
        for (place, piece) in rest.enumerated() {
            guard piece.length <= room, piece.length & 7 == 0 || place == rest.count - 1, piece.headers >= headers else { return nil }
        }
        return [first] + rest.map(\.length)
    }
}
