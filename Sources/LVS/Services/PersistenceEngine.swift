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

    /// The Call-ID of a SIP message, long or compact header name in any case, which a line end must follow.
    static func callID(_ message: Bytes) -> [UInt8]? {
        var i = 0
        while i < message.count {
            // A header stands at the beginning of a line, but not of the first.
            guard message[i] == 0x0a || message[i] == 0x0d else { i += 1; continue }
            i += 1
            guard let afterName = skipName(message, i) else { continue }
            var start = skipBlanks(message, afterName)
            guard start < message.count, message[start] == 0x3a else { continue }
            start = skipBlanks(message, start + 1)
            let end = endOfID(message, start)
            guard end > start, end - start <= limit, end < message.count, message[end] == 0x0d || message[end] == 0x0a else { return nil }
            return message.dropFirst(start).prefix(end - start).array
        }
        return nil
    }

    private static func skipName(_ message: Bytes, _ start: Int) -> Int? {
        for name in ["call-id", "i"] {
            let letters = Array(name.utf8)
            guard message.holds(letters.count, at: start) else { continue }
            if (0..<letters.count).allSatisfy({ message[start + $0] | (letters[$0] == 0x2d ? 0 : 0x20) == letters[$0] }) {
                return start + letters.count
            }
        }
        return nil
    }

    private static func skipBlanks(_ message: Bytes, _ start: Int) -> Int {
        var i = start
        while i < message.count, message[i] == 0x20 || message[i] == 0x09 { i += 1 }
        return i
    }

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
