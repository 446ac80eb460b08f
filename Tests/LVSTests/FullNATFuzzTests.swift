import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet
import enum PacketKit.TCPOption

/// Damaged packets through everything that translates: nothing falls over, and what comes out is as long as it says.
struct FullNATFuzzTests {
    @Test(arguments: 1...4)
    func damaged(_ seed: UInt64) throws {
        var dice = SeededGenerator(seed: seed)
        let bench = TranslationFixture(serverMTU: 1400)
        bench.tune { $0.natICMPSend = Int32(seed & 1) }
        let local = TranslationFixture.ip("10.2.0.200")
        let methods: [(UInt16, ForwardingMethod, ClientAddressOption)] = [
            (80, .masquerading, .none), (81, .fullNAT, .toa), (82, .fullNAT, .proxyProtocol),
        ]
        for proto in [IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp] {
            for (port, method, option) in methods {
                try bench.serve(
                    Endpoint("203.0.113.10").at(port), Endpoint("10.2.0.11").at(port), Endpoint("10.2.0.1").at(port),
                    proto: proto, method: method
                ) {
                    $0.localAddresses = [local...local]
                    $0.clientAddress = option
                }
            }
        }
        var returns: [Endpoint] = []
        for _ in 0..<600 {
            let port = methods[Int(dice.next() % 3)].0
            var from = Endpoint("198.51.100.7").at(UInt16(4000 + dice.next() % 4)), to = Endpoint("203.0.113.10").at(port)
            if dice.next() % 3 == 0 {
                from = Endpoint("10.2.0.11").at(port)
                to = returns.randomElement(using: &dice) ?? to
            }
            let bytes = damage(sample(from, to, &dice), &dice)
            var offload = Offload()
            if dice.next() % 4 == 0 {
                offload = Offload(
                    flags: UInt8(dice.next() & 1), segmentation: [0, 1, 5][Int(dice.next() % 3)],
                    segmentSize: UInt16(dice.next() % 2000))
            }
            bench.headroom = dice.next() % 4 == 0 ? 0 : 128
            for frame in bench.send(bytes, offload: offload) {
                let ip = packet(frame)
                #expect(ip.count == Int(ip[2]) << 8 | Int(ip[3]))
                #expect(SlowChecksum.internet(Array(ip[..<min(Int(ip[0] & 15) * 4, ip.count)])) == 0)
                if bench.verdict == .fullNAT || bench.verdict == .masquerading, ip[6] & 0x1f == 0, ip[7] == 0 {
                    returns.append(ends(frame).source)
                }
            }
        }
        #expect(!returns.isEmpty && bench.frames(.fullNAT) > 20 && bench.frames(.replyTranslated) > 5)
    }

    private func sample(_ from: Endpoint, _ to: Endpoint, _ dice: inout SeededGenerator) -> [UInt8] {
        let payload = dice.bytes([0, 1, 100, 1340, 1372, 1460][Int(dice.next() % 6)])
        switch dice.next() % 6 {
        case 0: return Packet.udp(from: from, to: to, payload: payload, checksum: dice.next() & 1 == 0, df: dice.next() & 1 == 0)
        case 1: return Packet.sctp(from: from, to: to, chunks: [.initiation(), .data(payload)])
        default:
            let flags: [TCPFlags] = [.syn, .ack, [.ack, .psh], [.syn, .ack], [.fin, .ack], .rst, [.urg, .ack], []]
            let options: [[UInt8]] = [
                [], TCPOption.mss(1400), TCPOption.sack((1, 2), (3, 4)), hex("fe 08 0f a0 c6 33 64 07"),
                [UInt8](repeating: 1, count: 36),
            ]
            return Packet.tcp(
                from: from, to: to, flags: flags[Int(dice.next() % 8)], seq: [1000, 1001, 1002, 1029, .max][Int(dice.next() % 5)],
                ack: [1000, 1001, 1010, 1029, 5001][Int(dice.next() % 5)], options: options[Int(dice.next() % 5)], payload: payload,
                df: dice.next() & 1 == 0)
        }
    }

    /// Some bytes behind the IP header changed, or the packet cut off; the IP header stays one that is taken.
    private func damage(_ packet: [UInt8], _ dice: inout SeededGenerator) -> [UInt8] {
        var packet = packet
        switch dice.next() % 4 {
        case 0:
            for _ in 0..<(dice.next() % 4) {
                let place = 20 + Int(dice.next() % UInt64(min(packet.count - 20, 40)))
                packet[place] = UInt8(truncatingIfNeeded: dice.next())
            }
        case 1:
            let length = 20 + Int(dice.next() % 30)
            guard length < packet.count else { return packet }
            let sum = Checksum.update(UInt16(packet[10]) << 8 | UInt16(packet[11]), from: UInt16(packet.count), to: UInt16(length))
            packet = Array(packet[..<length]).with(UInt8(length >> 8), UInt8(length & 0xff), at: 2).with(
                UInt8(sum >> 8), UInt8(sum & 0xff), at: 10)
        default: break
        }
        return packet
    }
}

extension Endpoint {
    /// The same address with a port.
    func at(_ port: UInt16) -> Endpoint { Endpoint(address, port) }
}
