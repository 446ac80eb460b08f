import Admin
import LVS
import Testing
import Wire

/// Hostile bytes: what is no request is refused, what is one has been read in full.
@Suite struct ControlFuzz {
    /// A small generator with a fixed seed (xorshift64*), so that a failure comes back.
    struct SeededGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state ^= state >> 12
            state ^= state << 25
            state ^= state >> 27
            return state &* 0x2545_f491_4f6c_dd1d
        }
        mutating func below(_ limit: Int) -> Int { Int(next() >> 33) % max(limit, 1) }
        mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next() >> 40) } }
    }

    /// What a server and a client do with bytes, apart from sockets. Returns whether they were taken for a request.
    static func read(_ datagram: [UInt8]) -> Bool {
        guard let messages = NetlinkMessage.messages(in: datagram) else { return false }
        var taken = false
        for message in messages {
            _ = message.refusal
            guard let body = GenericMessage(message.payload) else { continue }
            for isDump in [false, true] where (try? NetlinkCodec.request(body, isDump: isDump)) ?? nil != nil { taken = true }
            _ = try? NetlinkCodec.service(body)
            _ = try? NetlinkCodec.server(body, of: .v6)
            _ = try? NetlinkCodec.daemon(body)
            _ = try? NetlinkCodec.connection(body)
            _ = try? NetlinkCodec.info(body)
        }
        return taken
    }

    @Test func noise() {
        var dice = SeededGenerator(state: 0x1234_5678)
        var taken = 0
        for _ in 0..<50_000 {
            var datagram = dice.bytes(dice.below(96))
            // Half of them with a header that fits, else nothing gets past it.
            if dice.below(2) == 0, datagram.count >= 16 {
                datagram[0] = UInt8(datagram.count)
                for i in 1...3 { datagram[i] = 0 }
                if datagram.count > 16 { datagram[16] = UInt8(dice.below(20)) }
            }
            if Self.read(datagram) { taken += 1 }
        }
        #expect(taken > 0 && taken < 50_000)
    }

    @Test func damagedRequests() throws {
        var dice = SeededGenerator(state: 42)
        let bodies =
            try ControlExamples.commands.map { try NetlinkCodec.message(for: $0) }
            + ControlExamples.inventory.services.prefix(3).map { NetlinkCodec.message(for: $0) }
            + ControlExamples.connections.map { NetlinkCodec.message(for: $0) }
        let sound = bodies.map { NetlinkMessage(type: ControlConstants.family, flags: 5, sequence: 1, port: 0, payload: $0.payload).bytes }
        var taken = 0
        for round in 0..<50_000 {
            var datagram = sound[round % sound.count]
            for _ in 0...dice.below(4) {
                switch dice.below(4) {
                case 0: datagram[dice.below(datagram.count)] = UInt8(truncatingIfNeeded: dice.next() >> 40)
                case 1: datagram[dice.below(datagram.count)] ^= 1 << UInt8(dice.below(8))
                case 2:
                    // Cut, with a header that agrees.
                    datagram.removeLast(dice.below(datagram.count - 16))
                    datagram[0] = UInt8(datagram.count & 255)
                    datagram[1] = UInt8(datagram.count >> 8)
                default: datagram += dice.bytes(dice.below(24))
                }
            }
            if Self.read(datagram) { taken += 1 }
        }
        #expect(taken > 1000 && taken < 50_000)
    }
}
