import Wire

extension Director {
    /// Fragments a packet that is too long for its way, or that came in as fragments, and sends the pieces: IPv4 with its id
    /// and options (RFC 791 section 3.2), IPv6 with a fragment header (RFC 8200 section 4.5). `limit` is the longest IP packet
    /// in bytes. What came in as fragments leaves as these did where it can.
    mutating func sendFragments(
        of frame: Frame, _ packet: Packet, limit: Int, along path: Path, as verdict: Verdict, _ context: inout PacketContext
    ) -> Verdict {
        var frame = frame
        // Behind it no network card can: the checksum spans all pieces.
        if frame.offload.hasPartialChecksum, !completeChecksum(&frame, packet) { return .malformed }
        let start = Int(packet.network)
        let whole = frame.bytes.prefix(start + Int(packet.length))
        joinHeader(packet, verdict, &context)
        return sendFragments(of: whole, network: start, limit: limit, along: path, as: verdict, frame.cause, &context) ? verdict : .noBuffer
    }

    /// The same for a packet that begins `start` bytes into `whole`; false when there is no room for all pieces.
    mutating func sendFragments(
        of whole: Bytes, network start: Int, limit: Int, along path: Path, as verdict: Verdict,
        _ cause: Int32, _ context: inout PacketContext
    ) -> Bool {
        let packet = whole.dropFirst(start)
        guard packet.count >= 20 else { return false }
        let originals = context.originalFragments
        let limit = originals?.limit(limit, in: packet, as: verdict) ?? limit
        guard packet[0] >> 4 == 4 else {
            guard let part = UnfragmentablePart(packet) else { return false }
            let id = originals?.id ?? nextFragmentID()
            let sizes = originals?.sizes(total: packet.count - part.length, headers: part.length + 8, room: limit - part.length - 8)
            return cut(whole, network: start, part, id: id, limit, sizes ?? [], along: path, cause)
        }
        guard let header = IPv4Header(packet) else { return false }
        let sizes = originals?.sizes(total: packet.count - header.length, headers: header.length, room: limit - header.length)
        // Pieces that leave as they came lose their DF.
        let keepsDF = sizes == nil && originals?.hasDF == true && originals?.remembersLengths(in: packet, as: verdict) == true
        return cut(whole, network: start, header, flags: keepsDF ? 0x4000 : 0, limit, sizes ?? [], along: path, cause)
    }

    /// Fragments a packet of the director's own making that begins `start` bytes into its frame.
    mutating func sendFragments(own frame: Frame, network start: Int, along path: Path, _ cause: Int32) -> Bool {
        let packet = frame.bytes.dropFirst(start)
        if let header = IPv4Header(packet) {
            return cut(frame.bytes, network: start, header, flags: 0, Int(path.mtu), [], along: path, cause)
        }
        guard let part = UnfragmentablePart(packet) else { return false }
        return cut(frame.bytes, network: start, part, id: nextFragmentID(), Int(path.mtu), [], along: path, cause)
    }

    private mutating func nextFragmentID() -> UInt32 { UInt32(truncatingIfNeeded: clockwork.generator.next()) }

    /// Cuts an IPv4 packet into pieces of the given payload sizes, or else as long as `limit` allows.
    private mutating func cut(
        _ whole: Bytes, network start: Int, _ header: IPv4Header, flags: UInt16, _ limit: Int, _ sizes: [Int],
        along path: Path, _ cause: Int32
    ) -> Bool {
        let headers = header.length
        let payload = whole.dropFirst(start + headers)
        let base = Int(header.fragmentWord & 0x1fff) * 8
        var offset = 0, count = 0
        while offset < payload.count {
            let size = count < sizes.count ? sizes[count] : Self.pieceSize(payload.count - offset, limit - headers)
            guard size > 0, var piece = outbox.room(for: start + headers + size) else { return false }
            piece.bytes.copy(whole.prefix(start + headers))
            piece.bytes.copy(payload.dropFirst(offset).prefix(size), to: start + headers)
            guard let written = IPv4Header(piece.bytes.dropFirst(start)) else { return false }
            written.totalLength = headers + size
            let hasMore = offset + size < payload.count || header.moreFragments
            written.fragmentWord = flags | (hasMore ? 0x2000 : 0) | UInt16(truncatingIfNeeded: (base + offset) / 8)
            if offset > 0 { Self.clearUncopiedOptions(written) }
            written.fillChecksum()
            guard emit(&piece, along: path, cause) else { return false }
            offset += size
            count += 1
        }
        return true
    }

    /// The same for IPv6: every piece repeats the part before the fragment header.
    private mutating func cut(
        _ whole: Bytes, network start: Int, _ part: UnfragmentablePart, id: UInt32, _ limit: Int, _ sizes: [Int],
        along path: Path, _ cause: Int32
    ) -> Bool {
        let payload = whole.dropFirst(start + part.length)
        let headers = start + part.length + 8
        var offset = 0, count = 0
        while offset < payload.count {
            let size = count < sizes.count ? sizes[count] : Self.pieceSize(payload.count - offset, limit - part.length - 8)
            guard size > 0, var piece = outbox.room(for: headers + size) else { return false }
            piece.bytes.copy(whole.prefix(start + part.length))
            let written = piece.bytes.dropFirst(start)
            written[part.length] = written[part.nextHeader]
            written[part.nextHeader] = IPProtocol.fragment
            written[part.length + 1] = 0
            let hasMore = offset + size < payload.count
            written.setBig16(UInt16(truncatingIfNeeded: offset) | (hasMore ? 1 : 0), at: part.length + 2)
            written.setBig32(id, at: part.length + 4)
            written.setBig16(UInt16(truncatingIfNeeded: part.length - 32 + size), at: 4)
            written.copy(payload.dropFirst(offset).prefix(size), to: part.length + 8)
            guard emit(&piece, along: path, cause) else { return false }
            offset += size
            count += 1
        }
        return true
    }

    /// Payload of the next piece: all that is left, or as many eights as fit; 0 when not even one does.
    private static func pieceSize(_ left: Int, _ room: Int) -> Int { left <= room ? left : max(room, 0) & ~7 }

    /// Options without the copied flag stand in the first fragment only; in later ones they become no-operations
    /// (RFC 791 section 3.1, ip_options_fragment).
    private static func clearUncopiedOptions(_ header: IPv4Header) {
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
