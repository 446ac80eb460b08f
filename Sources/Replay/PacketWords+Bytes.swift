internal import Admin
public import LVS
internal import Wire

extension PacketWords {
    /// The IP packet with its checksums; what `len` asks for beyond the headers is zeros.
    var packet: [UInt8] {
        var payload: [UInt8]
        switch proto {
        case IPProtocol.tcp:
            payload =
                Self.big(sourcePort) + Self.big(destinationPort) + Self.big(UInt16(sequence >> 16))
                + Self.big(UInt16(truncatingIfNeeded: sequence)) + [0, 0, 0, flags.contains(.ack) ? 1 : 0]
                + [0x50, flags.rawValue, 0xff, 0xff, 0, 0, 0, 0]
        case IPProtocol.udp: payload = Self.big(sourcePort) + Self.big(destinationPort) + [0, 8, 0, 0] + self.payload
        case IPProtocol.sctp:
            let body = chunk == 1 || chunk == 2 ? 16 : chunk == 0 ? 16 : 0
            payload =
                Self.big(sourcePort) + Self.big(destinationPort) + [0, 0, 0, chunk == 1 ? 0 : 1] + [0, 0, 0, 0]
                + [chunk, chunk == 0 ? 3 : 0] + Self.big(UInt16(4 + body)) + [UInt8](repeating: chunk == 0 ? 0 : 1, count: body)
        default:
            var rest: UInt32 = isICMPError ? 0 : 0x0001_0001
            if proto == IPProtocol.icmp, icmp.type == ICMPType.unreachable, icmp.code == 4 { rest = mtu & 0xffff }
            if proto == IPProtocol.icmpv6, icmp.type == ICMPv6Type.packetTooBig { rest = mtu }
            payload =
                [
                    icmp.type, icmp.code, 0, 0, UInt8(truncatingIfNeeded: rest >> 24), UInt8(truncatingIfNeeded: rest >> 16),
                    UInt8(truncatingIfNeeded: rest >> 8), UInt8(truncatingIfNeeded: rest),
                ] + quoted
        }
        let header = source.isV4 ? 20 : 40
        if let length, length > header + payload.count, length <= 65535 {
            payload += [UInt8](repeating: 0, count: length - header - payload.count)
        }
        if proto == IPProtocol.udp { payload.replaceSubrange(4..<6, with: Self.big(UInt16(clamping: payload.count))) }
        fillChecksum(&payload)
        var bytes = [UInt8](repeating: 0, count: header) + payload
        let (count, isV4) = (bytes.count, source.isV4)
        bytes.withBytes { window in
            if isV4 {
                IPv4Header.write(
                    to: window, totalLength: count, proto: proto, from: source, to: destination, timeToLive: ttl,
                    typeOfService: tos, id: id, dontFragment: dontFragment)
            } else {
                IPv6Header.write(
                    to: window, payloadLength: count - 40, nextHeader: proto, from: source, to: destination, hopLimit: ttl,
                    trafficClass: tos)
            }
        }
        return bytes
    }

    private func fillChecksum(_ payload: inout [UInt8]) {
        payload.withBytes { window in
            if proto == IPProtocol.sctp {
                SCTPHeader(window)?.fillChecksum()
                return
            }
            let sum = proto == IPProtocol.icmp ? Checksum.of(window) : Checksum.of(window, from: source, to: destination, proto: proto)
            let place = proto == IPProtocol.tcp ? 16 : proto == IPProtocol.udp ? 6 : 2
            window.setBig16(sum == 0 && proto == IPProtocol.udp ? 0xffff : sum, at: place)
        }
    }

    /// Bytes in hexadecimal digits.
    static func payload(_ word: String) throws(WordsProblem) -> [UInt8] {
        let digits = word.compactMap(\.hexDigitValue)
        guard !digits.isEmpty, digits.count == word.count, digits.count.isMultiple(of: 2), digits.count <= 2 * 65507 else {
            throw WordsProblem(text: "payload \(word.prefix(16)): expected bytes in hexadecimal, two digits each")
        }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    private static func big(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }

    /// The frame as it arrives at a director with this network, and the interface that it comes in by.
    public func frame(arrivingAt network: Network) throws(WordsProblem) -> (bytes: [UInt8], interface: Int32) {
        let port = try ingress(of: network).interface
        let hop = network.lookup(source)?.gateway ?? source
        let sender = network.neighbor(hop, on: port.index) ?? MACAddress(bits: 0x0200_0000_0000)
        var bytes = [UInt8](repeating: 0, count: 14) + packet
        bytes.withBytes { window in
            window.setMAC(destination.isMulticast ? .group(destination) : port.mac, at: 0)
            window.setMAC(sender, at: 6)
            window.setBig16(source.isV4 ? EtherType.ipv4 : EtherType.ipv6, at: 12)
        }
        return (bytes, port.index)
    }
}
