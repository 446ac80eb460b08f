import Wire

/// A datagram of which fragments are missing.
///
/// The rules are those of Linux 6.1 (inet_frag_queue_insert): what lies within a run of fragments that joined at the end is a
/// duplicate and ignored, any other overlap discards the whole datagram (RFC 5722 section 4, also applied to IPv4).
struct ReassemblyQueue {
    /// What a fragment did to its datagram.
    enum Addition {
        case waits
        case complete
        case duplicate
        /// The fragment is dropped, the datagram kept.
        case refused
        /// The datagram is discarded.
        case overlap
        case invalid
        /// IPv6 only: a length that is no multiple of 8 on other than the last fragment; the datagram is discarded, the
        /// fragment goes on alone.
        case unaligned
    }

    struct Piece {
        var offset: Int
        var headers: Int
        var payload: [UInt8]
    }

    private struct Run {
        var start: Int
        var end: Int
    }

    let key: FragmentKey
    /// In order of offset, without overlaps.
    private(set) var pieces: [Piece] = []
    /// Stretches that came without a gap, one after the other.
    private var runs: [Run] = []
    /// The headers that stood before the first fragment's payload, as they came in.
    private(set) var head: [UInt8] = []
    /// Bytes of payload up to the farthest end seen, and bytes that are there.
    private(set) var length = 0
    private var present = 0
    private var hasFirst = false
    private var hasLast = false
    private(set) var congestion: UInt8 = 0
    /// Length of the longest fragment as an IP packet, and of the longest with DF.
    private(set) var longest = 0
    private(set) var longestUnbreakable = 0
    /// Room behind the first fragment in the kernel's buffer.
    private(set) var tailroom = 0
    /// Bytes that the kernel would account for it.
    private(set) var cost: Int
    /// The options of the first fragment, as the host filled them in.
    private(set) var options: IPOptions?
    /// Interface of the fragment that came last.
    var ingress: Int32 = 0
    /// How many fragments its sender had sent when the last one for this datagram came (ipfrag_max_dist).
    var distance: UInt32 = 0
    /// When it is given up, and its neighbours in that order.
    var deadline: Instant = 0
    var previous: Int32 = -1
    var next: Int32 = -1

    /// Bytes that the kernel accounts for a datagram beside its fragments.
    static func ownCost(_ family: IPFamily) -> Int { family == .v4 ? 200 : 184 }

    init(_ key: FragmentKey) {
        self.key = key
        cost = Self.ownCost(key.source.family)
    }

    var isEmpty: Bool { pieces.isEmpty }

    /// Forgets every fragment; what was learned of their lengths stays, as the kernel keeps it.
    mutating func restart() {
        pieces = []
        runs = []
        head = []
        length = 0
        present = 0
        hasFirst = false
        hasLast = false
        congestion = 0
        cost = Self.ownCost(key.source.family)
        options = nil
    }

    mutating func add(_ fragment: Fragment) -> Addition {
        var end = fragment.end
        if fragment.hasMore {
            if end & 7 != 0 {
                guard fragment.family == .v4 else { return .unaligned }
                end &= ~7
            }
            if end > length {
                if hasLast { return fragment.family == .v4 ? .invalid : .refused }
                length = end
            }
        } else {
            if end < length || hasLast && end != length { return fragment.family == .v4 ? .invalid : .refused }
            hasLast = true
            length = end
        }
        guard end > fragment.offset else { return fragment.family == .v4 ? .invalid : .refused }
        if let addition = place(fragment.offset, end) { return addition }

        let headers = fragment.headers
        let payload = fragment.bytes.dropFirst(headers).prefix(end - fragment.offset).array
        let piece = Piece(offset: fragment.offset, headers: headers, payload: payload)
        pieces.insert(piece, at: pieces.lastIndex { $0.offset < piece.offset }.map { $0 + 1 } ?? 0)
        present += payload.count
        congestion |= fragment.congestion
        cost += fragment.buffer.size
        let size = headers + payload.count
        longest = max(longest, size)
        if fragment.dontFragment { longestUnbreakable = max(longestUnbreakable, size) }
        if fragment.offset == 0 {
            hasFirst = true
            head = fragment.bytes.prefix(headers).array
            options = fragment.options
            // What was cut off its end is free as well.
            tailroom = fragment.buffer.tailroom + fragment.end - end
        }
        return hasFirst && hasLast && present == length ? .complete : .waits
    }

    /// Notes where a fragment lies; `nil` when it may stay.
    private mutating func place(_ offset: Int, _ end: Int) -> Addition? {
        guard let last = runs.last else {
            runs.append(Run(start: offset, end: end))
            return nil
        }
        if last.end < end {
            if offset < last.end { return .overlap }
            if offset == last.end { runs[runs.count - 1].end = end } else { runs.append(Run(start: offset, end: end)) }
            return nil
        }
        // The first run that ends behind the fragment's start.
        var low = 0, high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].end <= offset { low = middle + 1 } else { high = middle }
        }
        guard low < runs.count, runs[low].start < end else {
            runs.insert(Run(start: offset, end: end), at: low)
            return nil
        }
        return offset >= runs[low].start && end <= runs[low].end ? .duplicate : .overlap
    }

    /// Whether congestion marks of the fragments go together (RFC 3168 section 5.3); those with and without ECN do not.
    var agreesOnCongestion: Bool { congestion & 1 == 0 || congestion == 1 }

    /// Congestion was met by a fragment, so that the whole is marked.
    var hasMetCongestion: Bool { congestion & 8 != 0 && congestion != 8 }

    /// The first fragment as an IP packet, `nil` when it is missing.
    var firstPacket: [UInt8]? { hasFirst ? head + (pieces.first?.payload ?? []) : nil }
}

extension ReassemblyQueue {
    /// Length of the whole as an IP packet. IPv6: without a fragment header.
    var wholeLength: Int { head.count + length - (key.source.isV4 ? 0 : 8) }

    /// Writes the whole packet, of `wholeLength` bytes: the first fragment's headers, all payload.
    func write(to bytes: Bytes) {
        let headers = wholeLength - length
        if key.source.isV4 {
            bytes.copy(head)
        } else {
            bytes.copy(Array(head.prefix(headers)))
        }
        for piece in pieces { bytes.copy(piece.payload, to: headers + piece.offset) }
        if let header = IPv4Header(bytes) {
            header.totalLength = wholeLength
            header.fragmentWord = longestUnbreakable == longest ? 0x4000 : 0
            if hasMetCongestion { header.typeOfService |= 3 }
            header.fillChecksum()
            return
        }
        guard let header = IPv6Header(bytes) else { return }
        header.payloadLength = wholeLength - 40
        if hasMetCongestion { bytes[1] |= 0x30 }
        bytes[namingByte(of: head)] = head[headers]
    }

    /// Where the byte stands that names the fragment header.
    private func namingByte(of head: [UInt8]) -> Int {
        var copy = head
        return copy.withBytes { UnfragmentablePart($0)?.nextHeader ?? 6 }
    }
}
