import Admin
import CLinux
import Glibc
import LVS
import Wire

@testable import Runtime

/// What a client of the control socket sends, through the server and a whole director, and what the codec makes of it on the
/// other side.
final class ControlTarget: FuzzTarget {
    static var name: String { "control" }
    private let server: ControlServer
    private var number: UInt64 = 0

    init() {
        do { server = try ControlServer(owner: geteuid()) } catch { preconditionFailure("\(error)") }
    }

    func run(_ input: [UInt8]) { run(input, more: 0) }

    /// - Parameter more: bytes of chance that follow the input.
    func run(_ input: [UInt8], more: Int) {
        var dice = Dice(input, more: more)
        var engine = ControlledDirector(Director(connections: 64, at: second))
        // Explaining and recording make copies of the process.
        engine.mayFork = false
        var ends: [Int32] = [-1, -1]
        require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) == 0, "no socket pair")
        number += 1
        server.adopt(client: ends[0], number: number)
        while !dice.isEmpty {
            let datagram = datagram(&dice)
            look(at: datagram)
            tried.messages += 1
            guard svs_control_send(ends[1], datagram, datagram.count) >= 0 else { continue }
            server.serve(&engine)
            drain(ends[1])
        }
        close(ends[1])
        server.serve(&engine)
    }

    /// Bytes as they are, a header around them, or a command with some bytes changed.
    private func datagram(_ dice: inout Dice) -> [UInt8] {
        let flags = dice.pick([5, 5, 5, 0x301, 0x305, 1, UInt16(dice.byte())])
        var payload: [UInt8]
        switch dice.below(8) {
        case 0: return dice.rest(atMost: Int(dice.byte()))
        case 1:
            let attributes = dice.rest(atMost: Int(dice.byte()))
            payload = GenericMessage(command: dice.byte() % 24, attributes: attributes).payload
        default:
            payload = (try? NetlinkCodec.message(for: Commands.random(&dice)).payload) ?? []
            for _ in 0..<dice.below(3) where !payload.isEmpty { payload[dice.below(payload.count)] = dice.byte() }
            if dice.below(16) == 0, payload.count > 4 { payload[0] = dice.byte() }
        }
        let type = dice.below(16) == 0 ? dice.word() : ControlConstants.family
        return NetlinkMessage(type: type, flags: flags, sequence: 1, port: 0, payload: payload).bytes
    }

    /// What a client makes of the same bytes.
    private func look(at datagram: [UInt8]) {
        for message in NetlinkMessage.messages(in: datagram) ?? [] {
            _ = message.refusal
            guard let body = GenericMessage(message.payload) else { continue }
            _ = try? NetlinkCodec.service(body)
            _ = try? NetlinkCodec.server(body, of: .v6)
            _ = try? NetlinkCodec.daemon(body)
            _ = try? NetlinkCodec.connection(body)
            _ = try? NetlinkCodec.info(body)
            guard let asked = try? NetlinkCodec.request(body, isDump: false), case .change(let draft) = asked else { continue }
            // What was understood is said in the same words again.
            guard let again = try? NetlinkCodec.message(for: draft.command),
                let back = try? NetlinkCodec.request(again, isDump: false), case .change(let second) = back
            else { continue }
            require(second.command == draft.command, "\(draft.command) comes back as \(second.command)")
        }
    }

    private func drain(_ end: Int32) {
        withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { buffer in
            while recv(end, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT)) > 0 {}
        }
    }
}

/// The same director and client for long: each input is followed by some thousand messages of chance.
final class ControlStormTarget: FuzzTarget {
    static var name: String { "control-storm" }
    private let target = ControlTarget()

    func run(_ input: [UInt8]) { target.run(input, more: 1 << 16) }
}
