import Wire

extension Director {
    /// Fragments an IPv6 packet of the director's own making, which has no extension headers: RFC 8200 section 4.5.
    /// `limit` is the longest IP packet in bytes.
    mutating func sendFragments6(_ whole: Bytes, network start: Int, limit: Int, id: UInt32, along path: Path, _ cause: Int32) -> Bool {
        guard let header = IPv6Header(whole.dropFirst(start)) else { return false }
        let payload = whole.dropFirst(start + 40)
        let room = (limit - 48) & ~7
        guard room >= 8 else { return false }
        var offset = 0
        while offset < payload.count {
            let isLast = payload.count - offset <= limit - 48
            let size = isLast ? payload.count - offset : room
            guard var piece = outbox.room(for: start + 48 + size) else { return false }
            piece.bytes.copy(whole.prefix(start + 40))
            piece.bytes.copy(payload.dropFirst(offset).prefix(size), to: start + 48)
            guard let written = IPv6Header(piece.bytes.dropFirst(start)) else { return false }
            written.payloadLength = 8 + size
            written.nextHeader = IPProtocol.fragment
            let fragment = piece.bytes.dropFirst(start + 40)
            fragment[0] = header.nextHeader
            fragment[1] = 0
            fragment.setBig16(UInt16(truncatingIfNeeded: offset) | (isLast ? 0 : 1), at: 2)
            fragment.setBig32(id, at: 4)
            guard emit(&piece, along: path, cause) else { return false }
            offset += size
        }
        return true
    }
}
