import Wire

extension Director {
    /// Fragments an IPv4 packet that is too long for its way and sends the pieces, each with the original's id and options
    /// as RFC 791 section 3.2 has it. `limit` is the longest IP packet in bytes.
    mutating func sendFragments(of frame: Frame, _ packet: Packet, limit: Int, along path: Path, as verdict: Verdict) -> Verdict {
        let start = Int(packet.network)
        let whole = frame.bytes.prefix(start + Int(packet.length))
        return sendFragments(whole, network: start, limit: limit, along: path, frame.cause) ? verdict : .noBuffer
    }

    /// Fragments a packet of the director's own making.
    mutating func sendFragments(own frame: Frame, along path: Path, _ cause: Int32) -> Bool {
        guard frame.bytes.count > 34, frame.bytes[14] >> 4 == 4 else { return false }
        return sendFragments(frame.bytes, network: 14, limit: Int(path.mtu), along: path, cause)
    }

    /// Fragments the IPv4 packet that begins `start` bytes into `whole`.
    mutating func sendFragments(_ whole: Bytes, network start: Int, limit: Int, along path: Path, _ cause: Int32) -> Bool {
        guard let header = IPv4Header(whole.dropFirst(start)) else { return false }
        let payload = whole.dropFirst(start + header.length)
        let base = Int(header.fragmentWord & 0x1fff) * 8
        var offset = 0
        while offset < payload.count {
            let room = limit - header.length
            guard room >= 8 else { return false }
            let isLast = payload.count - offset <= room
            let size = isLast ? payload.count - offset : room & ~7
            guard var piece = outbox.room(for: start + header.length + size) else { return false }
            piece.bytes.copy(whole.prefix(start + header.length))
            piece.bytes.copy(payload.dropFirst(offset).prefix(size), to: start + header.length)
            guard let written = IPv4Header(piece.bytes.dropFirst(start)) else { return false }
            written.totalLength = header.length + size
            let more = !isLast || header.moreFragments
            written.fragmentWord = header.fragmentWord & 0xc000 | (more ? 0x2000 : 0) | UInt16((base + offset) / 8)
            if offset > 0 { clearUncopiedOptions(written) }
            written.fillChecksum()
            guard emit(&piece, along: path, cause) else { return false }
            offset += size
        }
        return true
    }

    /// Options without the copied flag stand in the first fragment only; in later ones they become no-operations
    /// (RFC 791 section 3.1, ip_options_fragment).
    private mutating func clearUncopiedOptions(_ header: IPv4Header) {
        var i = 20
        while i < header.length {
            let kind = header.bytes[i]
            if kind == 0 { return }
            if kind == 1 { i += 1; continue }
            guard i + 1 < header.length else { return }
            let length = Int(header.bytes[i + 1])
            guard length >= 2, i + length <= header.length else { return }
            if kind & 0x80 == 0 { header.bytes.fill(1, at: i, count: length) }
            i += length
        }
    }
}
