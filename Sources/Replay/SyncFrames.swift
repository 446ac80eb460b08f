internal import LVS
internal import Wire

/// The host's part of synchronisation, in a replay: messages become frames of the daemon's interface, and frames messages.
enum SyncFrames {
    /// A message as it leaves, in several fragments where it is longer than the interface carries.
    /// - Returns: `nil` when the daemon's interface is away, or there is no address to send from.
    static func frames(of message: SyncMessage, _ daemon: SyncDaemon, _ network: Network) -> (interface: Int32, frames: [[UInt8]])? {
        guard let interface = network.interface(named: daemon.interface), interface.isUp, let group = daemon.group,
            let source = network.syncSource(of: daemon)
        else { return nil }
        let datagram = datagram(message, daemon, from: source, to: group)
        let head = ethernet(to: group, from: interface.mac)
        let room = interface.mtu - group.family.headerLength
        guard datagram.count > room else { return (interface.index, [head + packet(datagram[...], from: source, to: group, daemon)]) }
        return (interface.index, fragments(datagram, room: room, from: source, to: group, daemon).map { head + $0 })
    }

    /// Ports of a replay's own host are no secret and never change.
    private static let sourcePort: UInt16 = 32768

    private static func datagram(_ message: SyncMessage, _ daemon: SyncDaemon, from source: IPAddress, to group: IPAddress) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 8) + message.bytes
        bytes.withBytes { bytes in
            guard let udp = UDPHeader(bytes) else { return }
            udp.sourcePort = sourcePort
            udp.destinationPort = daemon.port &+ UInt16(truncatingIfNeeded: message.portOffset)
            udp.length = bytes.count
            let sum = Checksum.of(bytes, from: source, to: group, proto: IPProtocol.udp)
            udp.checksum = sum == 0 ? 0xffff : sum
        }
        return bytes
    }

    private static func ethernet(to group: IPAddress, from own: MACAddress) -> [UInt8] {
        var head = [UInt8](repeating: 0, count: 14)
        head.withBytes { bytes in
            bytes.setMAC(.group(group), at: 0)
            bytes.setMAC(own, at: 6)
            bytes.setBig16(group.isV4 ? EtherType.ipv4 : EtherType.ipv6, at: 12)
        }
        return head
    }

    private static func packet(
        _ payload: ArraySlice<UInt8>, from source: IPAddress, to group: IPAddress, _ daemon: SyncDaemon, next: UInt8 = IPProtocol.udp
    ) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: group.family.headerLength) + payload
        bytes.withBytes { bytes in
            guard !group.isV4 else {
                return IPv4Header.write(
                    to: bytes, totalLength: bytes.count, proto: next, from: source, to: group, timeToLive: daemon.timeToLive)
            }
            IPv6Header.write(
                to: bytes, payloadLength: payload.count, nextHeader: next, from: source, to: group, hopLimit: daemon.timeToLive)
        }
        return bytes
    }

    private static func fragments(_ datagram: [UInt8], room: Int, from source: IPAddress, to group: IPAddress, _ daemon: SyncDaemon)
        -> [[UInt8]]
    {
        let size = max((group.isV4 ? room : room - 8) & ~7, 8)
        return stride(from: 0, to: datagram.count, by: size).map { offset in
            let piece = datagram[offset..<min(offset + size, datagram.count)]
            let hasMore = offset + size < datagram.count
            guard group.isV4 else {
                let word = UInt16(truncatingIfNeeded: offset) | (hasMore ? 1 : 0)
                let header = [IPProtocol.udp, 0, UInt8(word >> 8), UInt8(truncatingIfNeeded: word), 0, 0, 0, 1]
                return packet(header + piece, from: source, to: group, daemon, next: IPProtocol.fragment)
            }
            var bytes = packet(piece, from: source, to: group, daemon)
            bytes.withBytes { bytes in
                guard let header = IPv4Header(bytes) else { return }
                header.fragmentWord = UInt16(truncatingIfNeeded: offset / 8) | (hasMore ? 0x2000 : 0)
                header.fillChecksum()
            }
            return bytes
        }
    }

    /// Where the message of another master stands in a frame that comes in; `nil` when it holds none for a backup daemon.
    /// - Parameter ports: how many the daemon listens on.
    static func message(in frame: Bytes, on interface: Int32, _ offload: Offload, _ daemon: SyncDaemon, ports: Int, _ network: Network)
        -> Bytes?
    {
        guard let ethernet = EthernetHeader(frame), frame[0] & 1 != 0 else { return nil }
        let packet = Packet(ip: frame.dropFirst(ethernet.length), at: ethernet.length)
        guard network.interface(named: daemon.interface)?.index == interface, packet.kind == .ip, packet.flow.proto == IPProtocol.udp,
            !packet.isFragment, packet.hasTransport, packet.flow.destination == daemon.group,
            (0..<ports).contains(Int(packet.flow.destinationPort) - Int(daemon.port))
        else { return nil }
        let datagram = frame.dropFirst(Int(packet.transport)).prefix(packet.transportLength)
        guard let udp = UDPHeader(datagram), udp.length >= 8, udp.length <= datagram.count else { return nil }
        let whole = datagram.prefix(udp.length)
        let isRight = udp.checksum == 0 ? packet.family == .v4 : offload.hasPartialChecksum
        guard isRight || Checksum.of(whole, from: packet.flow.source, to: packet.flow.destination, proto: IPProtocol.udp) == 0 else {
            return nil
        }
        return whole.dropFirst(8)
    }
}

extension Replayer {
    /// What the director's master daemon says, as frames that leave.
    func emitMessages(
        _ messages: [SyncMessage], causedBy index: Int, _ time: Instant, _ emit: (Emission) throws -> Void
    ) rethrows {
        guard !messages.isEmpty, let daemon = director.syncDaemons.first(where: { $0.role == .master }) else { return }
        for message in messages {
            guard let (interface, frames) = SyncFrames.frames(of: message, daemon, director.network) else { continue }
            for frame in frames {
                try emit(Emission(interface: interface, cause: index, causeTime: time, frame: frame, offload: Offload()))
            }
        }
    }
}
