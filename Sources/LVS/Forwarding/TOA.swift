import Wire

/// The TCP option that tells a server its client's address and port ("TCP option of address", as DPVS and its module for
/// servers have it): kind 254, length 8 or 20, port, address.
enum ClientOption {
    static var kind: UInt8 { 254 }

    /// Bytes of the whole option, always whole words.
    static func length(_ family: IPFamily) -> Int { family == .v4 ? 8 : 20 }
}

extension Director {
    /// Puts the client's address into a segment as its first option. One that has no room for it, in its header or on its
    /// way, goes without: all segments carry it until the client has seen an answer. What the client itself wrote in the
    /// option's place is blanked.
    mutating func insertClientOption(into frame: inout Frame, _ packet: inout Packet, _ connection: Connection, limit: Int32) {
        guard let tcp = TCPHeader(frame.bytes.dropFirst(Int(packet.transport))), let options = TCPOptions(tcp) else { return }
        while let forged = options.find(ClientOption.kind) { options.blank(forged, updatingChecksum: !frame.offload.hasPartialChecksum) }
        let size = ClientOption.length(packet.family)
        guard tcp.length + size <= 60, hasRoom(for: size, in: frame, packet, limit),
            openGap(of: size, at: Int(packet.transport) + 20, in: &frame, &packet)
        else { return }
        let gap = frame.bytes.dropFirst(Int(packet.transport) + 20).prefix(size)
        gap[0] = ClientOption.kind
        gap[1] = UInt8(size)
        gap.setBig16(connection.clientPort, at: 2)
        gap.setIP(connection.client, at: 4)
        countIn(gap, frame, transport: Int(packet.transport))
        guard let grown = TCPHeader(frame.bytes.dropFirst(Int(packet.transport))) else { return }
        let word = grown.bytes.big16(at: 12)
        grown.replace16(word + UInt16(size / 4) << 12, at: 12, updatingChecksum: !frame.offload.hasPartialChecksum)
        if frame.offload.headerLength > 0 { frame.offload.headerLength &+= UInt16(size) }
    }

    /// Whether a segment, or each one of a superframe, may grow by `size` bytes of header.
    private mutating func hasRoom(for size: Int, in frame: Frame, _ packet: Packet, _ limit: Int32) -> Bool {
        if frame.offload.isSuperframe {
            guard let segments = Segmentation(frame, packet) else { return false }
            return Int(packet.length) + size <= 65535 && segments.longest + size <= Int(limit)
        }
        return Int(packet.length) + size <= Int(limit)
    }

    /// Makes room for `size` bytes at `place`, an even number of bytes behind the TCP header's start, in a frame without
    /// padding. IP length and the checksums' part of it follow; false when the frame's buffer has no room.
    mutating func openGap(of size: Int, at place: Int, in frame: inout Frame, _ packet: inout Packet) -> Bool {
        guard Int(packet.length) + size <= 65535 else { return false }
        if frame.moveStart(by: -size) {
            frame.bytes.copy(frame.bytes.dropFirst(size).prefix(place))
        } else {
            let tail = frame.count - place
            guard frame.resize(to: frame.count + size) else { return false }
            frame.bytes.copy(frame.bytes.dropFirst(place).prefix(tail), to: place + size)
        }
        resize(frame, &packet, to: Int(packet.length) + size)
        return true
    }

    /// Writes another length into a TCP packet's IP header and takes it over into the checksums.
    mutating func resize(_ frame: Frame, _ packet: inout Packet, to length: Int) {
        let ip = frame.bytes.dropFirst(Int(packet.network))
        let old = packet.transportLength
        if packet.family == .v4 {
            let total = ip.big16(at: 2)
            ip.setBig16(UInt16(truncatingIfNeeded: length), at: 2)
            ip.setBig16(Checksum.update(ip.big16(at: 10), from: total, to: UInt16(truncatingIfNeeded: length)), at: 10)
        } else {
            ip.setBig16(UInt16(truncatingIfNeeded: length - 40), at: 4)
        }
        packet.length = Int32(truncatingIfNeeded: length)
        let from = UInt16(truncatingIfNeeded: old), to = UInt16(truncatingIfNeeded: packet.transportLength)
        let place = Int(packet.transport) + 16
        let checksum = frame.bytes.big16(at: place)
        frame.bytes.setBig16(
            frame.offload.hasPartialChecksum
                ? ~Checksum.update(~checksum, from: from, to: to)
                : Checksum.update(checksum, from: from, to: to), at: place)
    }

    /// Adds bytes that were put into a segment to its checksum; they stand at an even place and are whole words.
    mutating func countIn(_ bytes: Bytes, _ frame: Frame, transport: Int) {
        guard !frame.offload.hasPartialChecksum else { return }
        var sum = Checksum()
        sum.add(bytes)
        let checksum = frame.bytes.big16(at: transport + 16)
        frame.bytes.setBig16(Checksum.update(checksum, from: 0, to: sum.folded), at: transport + 16)
    }
}
