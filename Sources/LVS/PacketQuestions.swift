import Wire

// Questions that a packet answers alone, or with the frame that it stands in.

extension IPAddress {
    /// Whether an ICMP error may be sent there: to a single host.
    var isTellable: Bool {
        !isUnspecified && !isMulticast && !(isV4 && v4 == .max)
    }
}

extension Packet {
    /// About whom no ICMP error is sent: an error itself, or what cannot be told from one (RFC 1122 section 3.2.2).
    var isICMPError: Bool {
        switch flow.proto {
        case IPProtocol.icmp:
            guard hasTransport else { return true }
            return [
                ICMPType.unreachable, ICMPType.sourceQuench, ICMPType.redirect, ICMPType.timeExceeded,
                ICMPType.parameterProblem,
            ].contains(detail) || detail > 18
        case IPProtocol.icmpv6:
            return !hasTransport || detail < 128 || detail == ICMPv6Type.redirect
        default:
            return false
        }
    }

    /// TCP reset, SCTP ABORT.
    var isRefusal: Bool {
        switch flow.proto {
        case IPProtocol.tcp: hasTransport && flags.contains(.rst)
        case IPProtocol.sctp: detail == 6
        default: false
        }
    }

    /// Type of service or traffic class.
    func typeOfService(in frame: Frame) -> UInt8 {
        let bytes = frame.bytes.dropFirst(Int(network))
        return family == .v4 ? bytes[1] : UInt8(truncatingIfNeeded: bytes.big16(at: 0) >> 4)
    }

    /// Whether the checksum of an ICMP or ICMPv6 message is right.
    func hasValidMessageChecksum(in frame: Frame) -> Bool {
        let message = frame.bytes.dropFirst(Int(transport)).prefix(transportLength)
        if frame.offload.hasPartialChecksum { return true }
        if family == .v4 { return Checksum.of(message) == 0 }
        return transportChecksum(message, from: flow.source, to: flow.destination, IPProtocol.icmpv6) == 0
    }

    /// The addresses that stand in the IP header now.
    func addresses(in frame: Frame) -> (source: IPAddress, destination: IPAddress) {
        let bytes = frame.bytes.dropFirst(Int(network))
        return family == .v4 ? (bytes.ipv4(at: 12), bytes.ipv4(at: 16)) : (bytes.ipv6(at: 8), bytes.ipv6(at: 24))
    }

    /// Whether the header of GRE is there and its checksum, where it has one, is right.
    func isReadableGRE(in frame: Frame) -> Bool {
        let payload = frame.bytes.dropFirst(Int(transport)).prefix(transportLength)
        guard payload.count >= 12, let gre = GREHeader(payload) else { return false }
        return !gre.hasChecksum || Checksum.of(payload) == 0
    }

    /// IPv6: where the byte stands that names the transport protocol, from the start of the packet.
    func nextHeaderPlace(in frame: Frame) -> Int {
        IPv6Extensions(frame.bytes.dropFirst(Int(network)).prefix(Int(length)))?.lastNextHeader ?? 6
    }

    /// Whether a UDP datagram is as long as it says, with a right checksum or none where it needs none.
    func hasValidDatagramChecksum(in frame: Frame) -> Bool {
        let datagram = frame.bytes.dropFirst(Int(transport)).prefix(transportLength)
        guard let udp = UDPHeader(datagram), udp.length >= 8, udp.length <= datagram.count else { return false }
        if udp.checksum == 0 { return family == .v4 }
        return hasValidSegmentChecksum(in: frame, datagram.prefix(udp.length))
    }

    /// Whether the checksum over a transport segment of the packet is right, or left to whoever sends it.
    func hasValidSegmentChecksum(in frame: Frame, _ segment: Bytes) -> Bool {
        frame.offload.hasPartialChecksum
            || transportChecksum(segment, from: flow.source, to: flow.destination, flow.proto) == 0
    }
}
