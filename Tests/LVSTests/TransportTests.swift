import LVS
import Testing
import Wire

/// The tables of the kernel as text, one row per event and one column per old state.
@Suite struct TransportTests {
    static let tcpColumns = "NO ES SS SR FW TW CL CW LA LI SA"

    static let tcpTable = """
        INPUT    syn  SR ES ES SR SR SR SR SR SR SR SR
        INPUT    fin  CL CW SS TW TW TW CL CW LA LI TW
        INPUT    ack  ES ES SS ES FW TW CL CW CL LI ES
        INPUT    rst  CL CL CL SR CL CL CL CL LA LI SR
        OUTPUT   syn  SS ES SS SR SS SS SS SS SS LI SR
        OUTPUT   fin  TW FW SS TW FW TW CL TW LA LI TW
        OUTPUT   ack  ES ES SS ES FW TW CL CW LA ES ES
        OUTPUT   rst  CL CL SS CL CL TW CL CL CL CL CL
        IN-ONLY  syn  SR ES ES SR SR SR SR SR SR SR SR
        IN-ONLY  fin  CL FW SS TW FW TW CL CW LA LI TW
        IN-ONLY  ack  ES ES SS ES FW TW CL CW CL LI ES
        IN-ONLY  rst  CL CL CL SR CL CL CL CL LA LI CL
        """

    /// What `secure_tcp` changes.
    static let secureTable = """
        INPUT    syn  SR ES ES SR SR SR SR SR SR SR SA
        INPUT    fin  CL CW SS TW TW TW CL CW LA LI SA
        INPUT    ack  ES ES SS SR FW TW CL CW CL LI SA
        INPUT    rst  CL CL CL SR CL CL CL CL LA LI CL
        OUTPUT   syn  SS ES SS SA SS SS SS SS SS LI SA
        IN-ONLY  syn  SA ES ES SR SA SA SA SA SA SA SA
        """

    static let sctpColumns = "NO I1 IN CS CR CW CO CE ES SS SR SA RJ CL"

    static let sctpTable = """
        INPUT    d   ES I1 IN CS CR CW CO CE ES SS SR SA RJ CL
        INPUT    i   I1 IN IN CS CR CW CO CE ES SS SR SA IN IN
        INPUT    ia  CW CW CW CS CR CO CO CE ES SS SR SA RJ CL
        INPUT    ce  CR IN IN CR CR CW CO CE ES SS SR SA RJ CL
        INPUT    ca  ES I1 IN CS CR CW CO ES ES SS SR SA RJ CL
        INPUT    s   SR I1 IN CS CR CW CO CE SR SS SR SA RJ CL
        INPUT    sa  CL IN IN CS CR CW CO CE ES CL SR CL RJ CL
        INPUT    sc  CL CL CL CS CR CW CO CE ES SS SR CL RJ CL
        INPUT    e   CL I1 IN CS CR CW CO CL ES SS SR SA RJ CL
        INPUT    ab  CL CL CL CL CL RJ CL CL CL CL CL CL CL CL
        OUTPUT   d   ES I1 IN CS CR CW CO CE ES SS SR SA RJ CL
        OUTPUT   i   CW CW CW CW CW CW CW CW ES CW CW CW CW CW
        OUTPUT   ia  CS CS CS CS CR CW CO CE ES SS SR SA RJ CL
        OUTPUT   ce  CE CE CE CE CE CE CE CE ES SS SR SA RJ CL
        OUTPUT   ca  ES ES ES ES ES ES ES ES ES SS SR SA RJ CL
        OUTPUT   s   SS SS SS SS SS SS SS SS SS SS SR SA RJ CL
        OUTPUT   sa  SA SA SA SA SA CW CO CE ES SA SA SA RJ CL
        OUTPUT   sc  CL I1 IN CS CR CW CO CE ES SS SR SA RJ CL
        OUTPUT   e   CL CL CL CL CL CW CO CE ES SS SR SA RJ CL
        OUTPUT   ab  CL RJ CL CL CL CL CL CL CL CL CL CL CL CL
        IN-ONLY  d   ES I1 IN CS CR ES CO CE ES SS SR SA RJ CL
        IN-ONLY  i   I1 IN IN IN IN IN CO CE ES SS SR SA IN IN
        IN-ONLY  ia  CE CE CE CE CE CE CO CE ES SS SR SA RJ CL
        IN-ONLY  ce  ES ES ES ES ES ES CO CE ES SS SR SA RJ CL
        IN-ONLY  ca  ES I1 IN ES ES CW ES ES ES SS SR SA RJ CL
        IN-ONLY  s   SR I1 IN CS CR CW CO CE SR SS SR SA RJ CL
        IN-ONLY  sa  CL IN IN CS CR CW CO CE CL CL SR CL RJ CL
        IN-ONLY  sc  CL CL CL CL CL CW CO CE ES SS CL CL RJ CL
        IN-ONLY  e   CL I1 IN CS CR CW CO CE ES SS SR SA RJ CL
        IN-ONLY  ab  CL CL CL CL CL RJ CL CL CL CL CL CL CL CL
        """

    private struct Row: Hashable {
        let direction: String
        let event: String
    }

    private func parse(_ table: String, columns: String) throws -> [Row: [UInt8]] {
        let states = columns.split(separator: " ")
        var rows: [Row: [UInt8]] = [:]
        for line in table.split(separator: "\n") {
            let words = line.split(separator: " ")
            try #require(words.count == states.count + 2, "\(line)")
            rows[Row(direction: String(words[0]), event: String(words[1]))] = try words.dropFirst(2).map { word in
                UInt8(try #require(states.firstIndex(of: word)))
            }
        }
        return rows
    }

    private let directions: [(String, Direction)] = [("INPUT", .input), ("OUTPUT", .output), ("IN-ONLY", .inputOnly)]

    /// Every combination of flags, with the event that the first matching one makes it.
    @Test func tcp() throws {
        let plain = try parse(Self.tcpTable, columns: Self.tcpColumns)
        let changed = try parse(Self.secureTable, columns: Self.tcpColumns)
        try #require(plain.count == 12 && changed.count == 6)
        for (name, direction) in directions {
            for raw in UInt8.min...255 {
                let event = raw & 4 != 0 ? "rst" : raw & 2 != 0 ? "syn" : raw & 1 != 0 ? "fin" : raw & 16 != 0 ? "ack" : nil
                for state in UInt8(0)..<11 {
                    for secure in [false, true] {
                        let row = event.map { Row(direction: name, event: $0) }
                        let expected = try row.map { try #require((secure ? changed[$0] : nil) ?? plain[$0])[Int(state)] } ?? 6
                        let next = TCPTracking.next(state: state, flags: TCPFlags(rawValue: raw), direction: direction, secure: secure)
                        guard next == expected else {
                            Issue.record("\(name) flags \(raw) secure \(secure): state \(state) became \(next), not \(expected)")
                            continue
                        }
                    }
                }
            }
        }
    }

    @Test func sctp() throws {
        let rows = try parse(Self.sctpTable, columns: Self.sctpColumns)
        try #require(rows.count == 30)
        let events: [UInt8: String] = [1: "i", 2: "ia", 6: "ab", 7: "s", 8: "sa", 9: "e", 10: "ce", 11: "ca", 14: "sc"]
        for (name, direction) in directions {
            for chunk in UInt8.min...255 {
                let row = try #require(rows[Row(direction: name, event: events[chunk] ?? "d")])
                for state in UInt8(0)..<14 {
                    let next = SCTPTracking.next(state: state, chunk: chunk, direction: direction)
                    guard next == row[Int(state)] else {
                        Issue.record("\(name) chunk \(chunk): state \(state) became \(next), not \(row[Int(state)])")
                        continue
                    }
                }
            }
        }
    }

    /// No state leads out of the table, not even one that does not exist.
    @Test func strangeStatesStayInside() {
        for state in UInt8.min...255 {
            for (_, direction) in directions {
                for raw in UInt8.min...31 {
                    #expect(TCPTracking.next(state: state, flags: TCPFlags(rawValue: raw), direction: direction, secure: true) < 11)
                    #expect(SCTPTracking.next(state: state, chunk: raw, direction: direction) < 14)
                }
            }
            #expect(TimeoutTable().timeout(proto: IPProtocol.tcp, state: state) > 0)
            #expect(TimeoutTable().timeout(proto: IPProtocol.sctp, state: state) > 0)
        }
    }
}
