import Wire

/// One fragment as it came in.
struct Fragment {
    var family: IPFamily
    /// Where its payload belongs in the datagram, and where it ends, in bytes.
    var offset: Int
    var end: Int
    /// More fragments follow.
    var hasMore: Bool
    /// DF, IPv4 only.
    var dontFragment: Bool
    var id: UInt32
    /// Length of the headers in front of the payload; for IPv6 up to and with the fragment header.
    var headers: Int
    /// The congestion bits of its IP header as a set of one: not capable 1, ECT(1) 2, ECT(0) 4, CE 8.
    var congestion: UInt8
    /// The frame's size in the kernel's memory, and what is free behind the packet there.
    var buffer: KernelBuffer
    var options: IPOptions?
    /// The packet from its IP header on.
    var bytes: Bytes

    /// Reads the fragment that stands in a frame; `nil` when it cannot be one.
    init?(_ frame: Frame, _ packet: Packet, _ options: IPOptions?) {
        family = packet.family
        self.options = options
        bytes = frame.bytes.dropFirst(Int(packet.network)).prefix(Int(packet.length))
        buffer = KernelBuffer(frame: frame.count, packet: Int(packet.length))
        if family == .v4 {
            guard let header = IPv4Header(bytes) else { return nil }
            headers = header.length
            offset = header.fragmentOffset
            end = offset + bytes.count - headers
            hasMore = header.moreFragments
            dontFragment = header.dontFragment
            id = UInt32(header.id)
            congestion = 1 << (header.typeOfService & 3)
            return
        }
        guard let place = UnfragmentablePart(bytes)?.length, bytes.holds(8, at: place) else { return nil }
        headers = place + 8
        let word = bytes.big16(at: place + 2)
        offset = Int(word & 0xfff8)
        end = offset + bytes.count - headers
        hasMore = word & 1 != 0
        dontFragment = false
        id = bytes.big32(at: place + 4)
        congestion = 1 << (bytes[1] >> 4 & 3)
        // Larger than any IPv6 packet (RFC 8200 section 4.5).
        guard end <= 65535 else { return nil }
    }

    /// Whether an IPv6 datagram's first fragment holds all its headers, as RFC 8200 section 4.5 demands.
    func holdsAllHeaders(_ packet: Packet) -> Bool {
        guard family == .v6, offset == 0, packet.flow.proto != IPProtocol.none else { return true }
        let wanted =
            switch packet.flow.proto {
            case IPProtocol.tcp: 20
            case IPProtocol.udp, IPProtocol.icmpv6: 8
            default: 1
            }
        return packet.transportLength >= wanted
    }
}

/// The part of an IPv6 packet that every fragment repeats (RFC 8200 section 4.5).
struct UnfragmentablePart {
    /// Where the fragment header stands, or would stand.
    var length = 40
    /// Where the byte stands that names what follows.
    var nextHeader = 6

    /// Follows hop-by-hop, destination options and routing headers; of destination options only those before a routing
    /// header belong here when there is one. `nil` when a header reaches behind the end.
    init?(_ bytes: Bytes) {
        guard bytes.count >= 40 else { return nil }
        var hasRouting = false
        while true {
            switch bytes[nextHeader] {
            case IPProtocol.hopByHop: break
            case IPProtocol.routing: hasRouting = true
            case IPProtocol.destinationOptions: if hasRouting { return }
            default: return
            }
            guard bytes.holds(8, at: length) else { return nil }
            nextHeader = length
            length += (Int(bytes[length + 1]) + 1) * 8
            guard length <= bytes.count else { return nil }
        }
    }
}

/// How Linux keeps a received frame: at the start of a block of memory whose size is a power of two, bookkeeping at its end.
/// What is free between decides which fragments grow together, and the block's size what is accounted for one.
struct KernelBuffer {
    /// Bytes that are accounted.
    var size: Int
    /// Free bytes behind the packet.
    var tailroom: Int

    /// The block for a frame of so many bytes that holds an IP packet of so many.
    init(frame: Int, packet: Int) {
        // 16 bytes in front of the frame's place, room rounded to cache lines, 320 bytes of bookkeeping.
        let needed = (frame + 16 + 63) & ~63 + 320
        var block = 512
        while block < needed { block *= 2 }
        size = block + 256
        tailroom = block - 336 - packet
    }
}
