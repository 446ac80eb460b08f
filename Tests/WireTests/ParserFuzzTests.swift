import PacketKit
import Testing
import Wire

/// No bytes may stop a parser or the printout: what cannot be is refused or named.
///
/// `swift test -c release` sends more than a million frames through everything within seconds; a debug build, whose code
/// is many times slower, sends a million through the parsers in a tenth of the frames.
@Suite struct ParserFuzzTests {
    #if DEBUG
        private static let frames = 100_000
        private static let printouts = 10_000
    #else
        private static let frames = 1_200_000
        private static let printouts = 200_000
    #endif

    /// Frames of every kind that the printout knows, to be damaged.
    private static let seeds: [[UInt8]] = {
        let syn = Packet.tcp(
            from: "192.0.2.1:4000", to: "10.0.0.1:80",
            options: hex("020405b4 0402 080a 00000001 00000002 01 030307"), payload: hex("61 62 63"))
        let syn6 = Packet.tcp(from: "[2001:db8::1]:4000", to: "[2001:db8::2]:80", flags: [.ack], options: TCPOption.sack((1, 2)))
        let udp = Packet.udp(from: "192.0.2.1:4000", to: "10.0.0.1:53", payload: [UInt8](0..<40))
        let sctp = Packet.sctp(from: "192.0.2.1:4000", to: "10.0.0.1:80", chunks: [.cookieEcho, .data(), .sack()])
        let error = Packet.tooBig(from: "10.0.0.9", to: "192.0.2.1", mtu: 1400, quoting: sctp)
        let packets = [
            syn, syn6, udp, sctp, error, syn.ipOptions(hex("94 04 00 00")), udp.fragments(16)[0], udp.fragments(16)[1],
            syn6.extensionHeaders(.hopByHop(), .routing(), .destinationOptions(words: 2), .authentication(), .fragment()),
            syn6.fragments(8)[0], syn6.fragments(8)[1], Packet.echo(from: "10.0.0.1", to: "10.0.0.2"),
            Packet.tooBig(from: "2001:db8::9", to: "2001:db8::1", mtu: 1280, quoting: syn6),
            Packet.icmpError(from: "10.9.9.9", to: "172.31.255.1", type: 11, quoting: udp.ipip(from: "172.31.255.1", to: "10.1.1.1")),
            Packet.neighborSolicitation(from: "fe80::1", target: "2001:db8::1", linkAddress: "02:00:00:00:00:01"),
            Packet.neighborAdvertisement(from: "fe80::1", target: "2001:db8::1", linkAddress: "02:00:00:00:00:01"),
            syn.ipip(from: "172.31.255.1", to: "10.1.1.1"), syn6.ipip(from: "172.31.255.1", to: "10.1.1.1"),
            error.ipip(from: "fd00::1", to: "fd00::2"), syn.gre(from: "172.31.255.1", to: "10.1.1.1", checksum: true, key: 1, sequence: 2),
            syn.gue(from: "172.31.255.1:40000", to: "10.1.1.1:6080", flags: 1, options: hex("80000000 00140024")),
            syn6.gue(from: "[fd00::1]:40000", to: "[fd00::2]:6080", variant: 1, checksum: true),
        ]
        return packets.map { $0.ethernet() } + [
            syn.ethernet().vlan(5), udp.ethernet().vlan(5).vlan(6, type: 0x88a8),
            Packet.arp(request: true, senderMAC: "02:00:00:00:00:01", sender: "10.0.0.1", target: "10.0.0.2"),
        ]
    }()

    /// A frame of a kind, damaged: bytes set to chance or to an edge, the end cut off or grown; now and then only noise.
    private static func frame(_ dice: inout SeededGenerator) -> [UInt8] {
        let roll = dice.next()
        if roll % 16 == 0 { return dice.bytes(Int(roll >> 8 % 96)) }
        var frame = seeds[Int(roll >> 8) % seeds.count]
        for _ in 0..<(roll >> 32 % 6) {
            let change = dice.next(), at = Int(change >> 16 % UInt64(frame.count))
            frame[at] =
                change & 3 == 0 ? [0, 0xff, 0x7f, 0x80, 1, 4, 5, 0x45][Int(change >> 2 & 7)] : UInt8(truncatingIfNeeded: change >> 8)
        }
        switch roll >> 40 % 4 {
        case 0: frame.removeLast(Int(roll >> 48) % (frame.count + 1))
        case 1: frame += dice.bytes(Int(roll >> 48 % 8))
        default: break
        }
        return frame
    }

    @Test func parsersNeverStop() {
        var dice = SeededGenerator(seed: 11), runs = 0, read: UInt64 = 0
        for _ in 0..<Self.frames {
            var frame = Self.frame(&dice)
            frame.withBytes { bytes in
                read &+= everyParser(bytes)
                // Behind the header that an undamaged frame has.
                read &+= everyParser(bytes.dropFirst(14))
                read &+= everyParser(bytes.dropFirst(Int(dice.next() % 60)))
            }
            runs += 3 * 12
        }
        #expect(runs >= 1_000_000 && read != 0)
    }

    /// Every view over the same bytes with every field that it offers; the sum keeps the reads alive.
    private func everyParser(_ bytes: Bytes) -> UInt64 {
        var sum = 0
        if let view = EthernetHeader(bytes) { sum &+= Int(view.type) &+ view.length &+ Int(view.vlan) &+ Int(view.source.bits) }
        if let view = ARPPacket(bytes) { sum &+= Int(view.operation.rawValue) &+ Int(view.sender.low) &+ Int(view.targetMAC.bits) }
        if let view = IPv4Header(bytes) {
            sum &+= view.length &+ view.totalLength &+ view.fragmentOffset &+ (view.hasValidChecksum ? 1 : 0) &+ Int(view.source.low)
        }
        if let view = IPv6Header(bytes) {
            sum &+= view.payloadLength &+ Int(view.flowLabel) &+ Int(view.trafficClass) &+ Int(truncatingIfNeeded: view.source.low)
        }
        if let found = IPv6Extensions(bytes) { sum &+= Int(found.proto) &+ found.offset &+ found.fragmentHeader &+ found.lastNextHeader }
        if let view = TCPHeader(bytes) {
            sum &+= view.length &+ Int(view.sequence) &+ Int(view.window)
            if let options = TCPOptions(view) {
                sum &+=
                    Int(options.mss ?? 0) &+ (options.isWellFormed ? 1 : 0)
                    &+ Int(options.timestamps?.echo ?? 0)
            }
        }
        if let view = UDPHeader(bytes) { sum &+= view.length &+ Int(view.checksum) }
        if let view = SCTPHeader(bytes) {
            sum &+= Int(view.firstChunk ?? 0) &+ Int(view.secondChunk ?? 0) &+ (view.hasValidChecksum ? 1 : 0)
        }
        if let view = ICMPHeader(bytes) { sum &+= Int(view.rest) &+ Int(view.type) }
        if let view = NeighborMessage(bytes) { sum &+= Int(truncatingIfNeeded: view.target.low) &+ Int(view.linkAddress?.bits ?? 0) }
        if let view = GREHeader(bytes) {
            sum &+= view.length &+ Int(view.key ?? 0) &+ Int(view.sequence ?? 0) &+ view.payload.count &+ (view.hasValidChecksum ? 1 : 0)
        }
        if let view = GUEHeader(bytes) { sum &+= view.length &+ Int(view.proto) &+ (view.remoteChecksum?.start ?? 0) &+ view.payload.count }
        return UInt64(bitPattern: Int64(sum))
    }

    /// Changes through views stay within the frame as well.
    @Test func rewritesNeverStop() {
        var dice = SeededGenerator(seed: 12)
        for _ in 0..<Self.printouts {
            let frame = Self.frame(&dice)
            let changed = changing(frame) { bytes in
                for start in [14, 34, 54] {
                    let rest = bytes.dropFirst(start)
                    IPv4Header(rest)?.fillChecksum()
                    if let options = TCPOptions(segment: rest) {
                        options.clampMSS(to: 536)
                        options.shiftSACK(by: 0x1234)
                        if let stamp = options.find(TCPOption.timestamps) { options.blank(stamp) }
                    }
                    SCTPHeader(rest)?.fillChecksum()
                }
            }
            #expect(changed.count == frame.count)
        }
    }

    @Test func printoutNeverStops() {
        var dice = SeededGenerator(seed: 13), length = 0
        for round in 0..<Self.printouts {
            var frame = Self.frame(&dice)
            frame.withBytes { bytes in
                length += PacketDescription(bytes).description.utf8.count
                length += PacketDescription(ip: bytes.dropFirst(round % 2 == 0 ? 14 : 20)).description.utf8.count
            }
        }
        #expect(length > Self.printouts)
    }

    @Test func differencesAreEmptyOnlyForTheSameBytes() {
        var dice = SeededGenerator(seed: 14), last: [UInt8] = []
        for _ in 0..<Self.printouts / 20 {
            var frame = Self.frame(&dice), other = frame
            if !other.isEmpty { other[Int(dice.next() % UInt64(other.count))] ^= 1 }
            frame.withBytes { frame in
                #expect(PacketDescription.differences(frame, frame).isEmpty)
                other.withBytes { #expect(PacketDescription.differences(frame, $0).isEmpty == ($0.count == 0)) }
                last.withBytes { _ = PacketDescription.differences(frame, $0) }
            }
            last = frame
        }
    }
}
