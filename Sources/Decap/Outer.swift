import Wire

/// The outer IP header of a packet that may be of the tunnel.
struct Outer {
    let source: IPAddress
    let destination: IPAddress
    let proto: UInt8
    /// Bytes in front of the payload, IPv6 extension headers included.
    let headerLength: Int
    /// What the packet carries, without the link's padding.
    let payload: Bytes
    let isFragment: Bool
    let isLaterFragment: Bool
    /// ECN: congestion experienced (RFC 3168).
    let isCongested: Bool

    /// `nil` for what is no whole IP packet.
    init?(_ packet: Bytes) {
        guard packet.count > 0 else { return nil }
        if packet[0] >> 4 == 4 {
            guard let header = IPv4Header(packet), header.totalLength >= header.length, header.totalLength <= packet.count,
                header.hasValidChecksum
            else { return nil }
            source = header.source
            destination = header.destination
            proto = header.proto
            headerLength = header.length
            payload = packet.prefix(header.totalLength).dropFirst(header.length)
            isFragment = header.isFragment
            isLaterFragment = header.fragmentOffset > 0
            isCongested = header.typeOfService & 3 == 3
        } else {
            guard let header = IPv6Header(packet), header.payloadLength + 40 <= packet.count,
                let extensions = IPv6Extensions(packet.prefix(header.payloadLength + 40))
            else { return nil }
            source = header.source
            destination = header.destination
            proto = extensions.proto
            headerLength = extensions.offset
            payload = packet.prefix(header.payloadLength + 40).dropFirst(extensions.offset)
            // A fragment header may stand in front of a packet that is whole (RFC 6946).
            let word = extensions.fragmentHeader > 0 ? packet.big16(at: extensions.fragmentHeader + 2) : 0
            isFragment = word & 0xfff9 != 0
            isLaterFragment = word & 0xfff8 != 0
            isCongested = header.trafficClass & 3 == 3
        }
    }
}
