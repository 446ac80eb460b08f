import Wire

/// Tells clients apart by more than their address: what it finds in a packet belongs to the template's key.
protocol PersistenceEngine: SendableMetatype {
    /// The name after `--pe`.
    static var name: String { get }

    /// What the packet says of its session, `nil` when it says nothing.
    static func data(_ flow: Flow, _ frame: Frame) -> [UInt8]?
}

/// Every persistence engine that `--pe` knows.
enum PersistenceEngines {
    static let roster: [any PersistenceEngine.Type] = [SIPEngine.self]

    static func named(_ name: String) -> (any PersistenceEngine.Type)? {
        for engine in roster where engine.name == name { return engine }
        return nil
    }

    /// An engine's number, from 1 on, as templates keep it.
    static func number(of name: String) -> UInt8? {
        for (place, engine) in roster.enumerated() where engine.name == name { return UInt8(place + 1) }
        return nil
    }

    /// The name of the engine of a number.
    static func name(of number: UInt8) -> String? {
        (1...roster.count).contains(Int(number)) ? roster[Int(number) - 1].name : nil
    }
}

/// SIP over UDP: the Call-ID header (RFC 3261 section 20.8), so that one dialogue stays on one server.
enum SIPEngine: PersistenceEngine {
    static var name: String { "sip" }
    /// Longest Call-ID that is taken, in bytes.
    static let limit = 255

    static func data(_ flow: Flow, _ frame: Frame) -> [UInt8]? {
        guard flow.proto == IPProtocol.udp else { return nil }
        let packet = Packet(frame)
        let datagram = frame.bytes.dropFirst(Int(packet.transport)).prefix(packet.transportLength)
        return callID(datagram.dropFirst(8))
    }

    /// The Call-ID of a SIP message, long or compact header name in any case, which a line end must follow. A header may be
    /// folded before and behind its colon (RFC 3261 section 7.3.1); one without a value is passed over.
    static func callID(_ message: Bytes) -> [UInt8]? {
        var from = 0
        while let start = header(message, from) {
            let end = endOfID(message, start)
            // The kernel goes on as far behind the place it began at as the value stands behind the message's first byte.
            guard end > start else { from += start; continue }
            guard end - start <= limit, end < message.count, isLineEnd(message[end]) else { return nil }
            return message.dropFirst(start).prefix(end - start).array
        }
        return nil
    }

    /// Where the value of the next header of the name begins; `nil` without one, and where its first has no colon.
    private static func header(_ message: Bytes, _ from: Int) -> Int? {
        var i = from
        while i < message.count {
            // A header stands at the beginning of a line, but not of the first.
            guard isLineEnd(message[i]) else { i += 1; continue }
            i = behindLineEnd(message, i)
            guard i < message.count, let afterName = skipName(message, i) else { i += 1; continue }
            guard let colon = skipBlanks(message, afterName), message[colon] == 0x3a else { return nil }
            return skipBlanks(message, colon + 1)
        }
        return nil
    }

    /// The compact name is only one where no letter follows it.
    private static func skipName(_ message: Bytes, _ start: Int) -> Int? {
        let name = Array("call-id".utf8)
        let isLong =
            message.holds(name.count, at: start)
            && (0..<name.count).allSatisfy { message[start + $0] | (name[$0] == 0x2d ? 0 : 0x20) == name[$0] }
        if isLong { return start + name.count }
        guard message.holds(2, at: start), message[start] | 0x20 == 0x69 else { return nil }
        let isLetter = (0x61...0x7a).contains(message[start + 1] | 0x20)
        return isLetter ? nil : start + 1
    }

    /// Skips blanks and one fold: a line end and the blanks that the next line begins with. `nil` at the header's end.
    private static func skipBlanks(_ message: Bytes, _ start: Int) -> Int? {
        var i = skipRun(message, start)
        if i < message.count, isLineEnd(message[i]) {
            i = behindLineEnd(message, i)
            guard i < message.count, isBlank(message[i]) else { return nil }
            i = skipRun(message, i)
        }
        return i < message.count ? i : nil
    }

    private static func skipRun(_ message: Bytes, _ start: Int) -> Int {
        var i = start
        while i < message.count, isBlank(message[i]) { i += 1 }
        return i
    }

    private static func behindLineEnd(_ message: Bytes, _ end: Int) -> Int {
        let isPair = message[end] == 0x0d && message.holds(1, at: end + 1) && message[end + 1] == 0x0a
        return end + (isPair ? 2 : 1)
    }

    private static func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0a || byte == 0x0d }
    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// `word ["@" word]`, the words of RFC 3261 section 25.1.
    private static func endOfID(_ message: Bytes, _ start: Int) -> Int {
        let first = endOfWord(message, start)
        guard first > start, first < message.count, message[first] == 0x40 else { return first }
        let second = endOfWord(message, first + 1)
        return second > first + 1 ? second : start
    }

    private static func endOfWord(_ message: Bytes, _ start: Int) -> Int {
        var i = start
        while i < message.count, isWord(message[i]) { i += 1 }
        return i
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        default: "!\"%'()*+-./:<>?[\\]_`{}~".utf8.contains(byte)
        }
    }
}
