import LVS
import Testing
import Wire

@Suite struct TransportTimeoutTests {
    /// Protocol, states in order with their seconds.
    static let timeouts: [(UInt8, String)] = [
        (
            IPProtocol.tcp,
            """
            NONE 2, ESTABLISHED 900, SYN_SENT 120, SYN_RECV 60, FIN_WAIT 120, TIME_WAIT 120, CLOSE 10, CLOSE_WAIT 60, \
            LAST_ACK 30, LISTEN 120, SYNACK 120
            """
        ),
        (IPProtocol.udp, "UDP 300"),
        (
            IPProtocol.sctp,
            """
            NONE 2, INIT1 4, INIT 61, C-SENT 61, C-REPLIED 61, C-WAIT 61, COOKIE 61, C-ECHOED 61, ESTABLISHED 900, S-SENT 61, \
            S-RECEIVED 61, S-ACK-SENT 61, REJECTED 4, CLOSED 61
            """
        ),
    ]

    @Test func namesAndTimes() {
        #expect(Transport.roster == Self.timeouts.map { $0.0 })
        let table = TimeoutTable()
        for (proto, text) in Self.timeouts {
            let states = text.split(separator: ", ")
            let shown = states.indices.map { state in
                let time = table.timeout(proto: proto, state: UInt8(state))
                #expect(time % 1_000_000_000 == 0)
                return "\(Transport.stateName(proto: proto, state: UInt8(state))) \(time / 1_000_000_000)"
            }
            #expect(shown.joined(separator: ", ") == text)
            #expect(Transport.stateName(proto: proto, state: UInt8(states.count)) == "ERR!")
        }
        #expect(Transport.templateStateName(0) == "NONE" && Transport.templateStateName(1) == "ASSURED")
        #expect(table.timeout(proto: 50, state: 0) == TimeoutTable.initial)
    }

    @Test func whoIsActive() {
        func active(_ proto: UInt8) -> [String] {
            (UInt8.min...255).filter { Transport.isActive(proto: proto, state: $0) }
                .map { Transport.stateName(proto: proto, state: $0) }
        }
        #expect(active(IPProtocol.tcp) == ["ESTABLISHED", "SYN_SENT", "SYN_RECV", "SYNACK"])
        #expect(active(IPProtocol.udp) == [])
        #expect(active(IPProtocol.sctp) == ["ESTABLISHED"])
        #expect(TCPState.allCases.filter { $0.isActive } == [.established, .synSent, .synRecv, .synAck])
    }

    @Test func setTimeouts() {
        var table = TimeoutTable()
        #expect(table.shown == Timeouts(tcp: 900, fin: 120, udp: 300))
        table.set(tcp: 0, fin: 7, udp: 0)
        #expect(table.shown == Timeouts(tcp: 900, fin: 7, udp: 300))
        table.set(tcp: .max, fin: 0, udp: 1)
        #expect(table.shown == Timeouts(tcp: .max, fin: 7, udp: 1))
        #expect(table.timeout(proto: IPProtocol.tcp, state: TCPState.finWait.rawValue) == 7_000_000_000)
        #expect(table.timeout(proto: IPProtocol.tcp, state: TCPState.timeWait.rawValue) == 120_000_000_000)
    }

    /// First chunk, its length, second chunk: what the packet stands for.
    @Test func aCookieBeforeAnAbortIsAnAbort() throws {
        let rows: [(UInt8, UInt16, UInt8?, UInt8)] = [
            (10, 4, 6, 6), (11, 4, 6, 6), (10, 4, 0, 10), (11, 4, nil, 11), (1, 4, 6, 1), (0, 4, 6, 0), (10, 8, 6, 10), (10, 2, 6, 10),
        ]
        for (first, length, second, expected) in rows {
            var packet = [UInt8](repeating: 0, count: 12) + [first, 0, UInt8(length >> 8), UInt8(length & 255)]
            if let second { packet += [second, 0, 0, 4] }
            let chunk = packet.withUnsafeMutableBytes { raw in
                SCTPHeader(Bytes(raw.baseAddress!, count: raw.count)).map { SCTPTracking.chunk(of: $0) }
            }
            #expect(try #require(chunk) == expected, "\(first) \(length) \(second.map { "\($0)" } ?? "-")")
        }
    }
}
