import PacketKit
import Wire

import enum PacketKit.Packet

/// Frames that no stack sends like this.
enum OddFrames {
    /// A segment that ends so many bytes behind the beginning of its header.
    static func cut(_ ends: Ends, transport: Int) -> [UInt8] {
        let segment = ends.tcp()[(14 + ends.service.address.family.headerLength)...].prefix(transport)
        return frame(Packet.ip(from: ends.client, to: ends.service, proto: 6, payload: Array(segment)))
    }

    /// An IPv6 frame with an extension header of eight bytes: one of options, or the first fragment's.
    static func withExtension(_ kind: UInt8, _ frame: [UInt8]) -> [UInt8] {
        var packet = Array(frame[14..<54]) + [frame[20], 0, 0, 0, 0, 0, 0, 0] + frame[54...]
        packet[6] = kind
        packet[5] += 8
        return Array(frame[..<14]) + packet
    }

    /// The frame with four bytes of IPv4 options that do nothing.
    static func withOptions(_ frame: [UInt8]) -> [UInt8] {
        var packet = Array(frame[14..<34]) + [1, 1, 1, 1] + frame[34...]
        packet[0] = 0x46
        let length = packet.count
        (packet[2], packet[3]) = (UInt8(length >> 8), UInt8(length & 255))
        (packet[10], packet[11]) = (0, 0)
        var sum: UInt32 = 0
        for place in stride(from: 0, to: 24, by: 2) { sum += UInt32(packet[place]) << 8 | UInt32(packet[place + 1]) }
        while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
        (packet[10], packet[11]) = (UInt8(~sum >> 8 & 255), UInt8(~sum & 255))
        return Array(frame[..<14]) + packet
    }
}
