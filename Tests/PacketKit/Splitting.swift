extension [UInt8] {
    /// This IP packet in fragments that carry `sizes` bytes of its payload each (multiples of 8) and the rest; IPv6
    /// fragments get a fragment header behind the 40 bytes of the header, with `id`.
    public func fragments(_ sizes: Int..., id: UInt32 = 0x1234_5678) -> [[UInt8]] {
        precondition(sizes.allSatisfy { $0 > 0 && $0.isMultiple(of: 8) }, "fragment sizes are multiples of 8")
        let headerLength = isIPv6 ? 40 : Int(self[0] & 15) * 4
        let payload = self[headerLength...]
        var pieces: [[UInt8]] = []
        var start = 0
        for size in sizes + [payload.count] where start < payload.count {
            let end = Swift.min(start + size, payload.count)
            let piece = Array(payload.dropFirst(start).prefix(end - start))
            pieces.append(fragment(piece, headerLength, at: start, isLast: end == payload.count, id: id))
            start = end
        }
        return pieces
    }

    private func fragment(_ piece: [UInt8], _ headerLength: Int, at offset: Int, isLast: Bool, id: UInt32) -> [UInt8] {
        var packet = Array(self[..<headerLength])
        if isIPv6 {
            packet.replaceSubrange(4..<6, with: big(UInt16(8 + piece.count)))
            packet[6] = 44
            return packet + [self[6], 0] + big(UInt16(offset) | (isLast ? 0 : 1)) + big(id) + piece
        }
        packet.replaceSubrange(2..<4, with: big(UInt16(headerLength + piece.count)))
        packet.replaceSubrange(6..<8, with: big(UInt16(offset / 8) | (isLast ? 0 : 0x2000)))
        return Packet.ipv4Checksummed(packet) + piece
    }

    /// This IPv4 packet with options, padded to whole words with zeros.
    public func ipOptions(_ options: [UInt8]) -> [UInt8] {
        let padded = options + [UInt8](repeating: 0, count: (4 - options.count % 4) % 4)
        var packet = self
        packet.insert(contentsOf: padded, at: 20)
        packet[0] = 0x45 + UInt8(padded.count / 4)
        packet.replaceSubrange(2..<4, with: big(UInt16(packet.count)))
        return Packet.ipv4Checksummed(packet)
    }

    /// This IPv6 packet with extension headers behind its 40 bytes, in the given order.
    public func extensionHeaders(_ headers: ExtensionHeader...) -> [UInt8] {
        var packet = Array(self[..<40])
        var next = 6
        let innermost = packet[6]
        for header in headers {
            packet[next] = header.proto
            next = packet.count
            packet += [innermost] + header.rest
        }
        packet += self[40...]
        packet.replaceSubrange(4..<6, with: big(UInt16(packet.count - 40)))
        return packet
    }

    /// This packet or frame with other bytes at `offset`, checksums left as they are.
    public func with(_ bytes: UInt8..., at offset: Int) -> [UInt8] {
        var changed = self
        changed.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        return changed
    }
}

/// An IPv6 extension header (RFC 8200 section 4) for `extensionHeaders`.
public struct ExtensionHeader: Sendable {
    let proto: UInt8
    /// Everything behind the next-header byte.
    let rest: [UInt8]

    /// Six bytes of padding in `words` times eight bytes.
    public static func hopByHop(words: Int = 1) -> ExtensionHeader { options(0, words) }
    public static func destinationOptions(words: Int = 1) -> ExtensionHeader { options(60, words) }
    /// An atomic or real fragment header; `offset` in bytes.
    public static func fragment(offset: Int = 0, more: Bool = false, id: UInt32 = 0x1234_5678) -> ExtensionHeader {
        ExtensionHeader(proto: 44, rest: [0] + big(UInt16(offset) | (more ? 1 : 0)) + big(id))
    }
    public static func routing(type: UInt8 = 2, segmentsLeft: UInt8 = 0, words: Int = 1) -> ExtensionHeader {
        ExtensionHeader(proto: 43, rest: [UInt8(words - 1), type, segmentsLeft] + [UInt8](repeating: 0, count: 8 * words - 4))
    }
    /// An authentication header (RFC 4302) with 12 bytes of check value; its length counts words of four bytes, less two.
    public static func authentication(spi: UInt32 = 0x100, sequence: UInt32 = 1) -> ExtensionHeader {
        ExtensionHeader(proto: 51, rest: [4, 0, 0] + big(spi) + big(sequence) + [UInt8](repeating: 0xcc, count: 12))
    }

    private static func options(_ proto: UInt8, _ words: Int) -> ExtensionHeader {
        let padding = 8 * words - 4
        return ExtensionHeader(proto: proto, rest: [UInt8(words - 1), 1, UInt8(padding)] + [UInt8](repeating: 0, count: padding))
    }
}
