public import Admin
import Wire

/// Packets in words with their times, one a line: what a capture is made from.
///
///     # a client that opens, closes and is gone
///     @1000.25 tcp 198.51.100.7:5555 > 203.0.113.10:80 SYN
///     +10ms    tcp 198.51.100.7:5555 > 203.0.113.10:80 ACK
///              tcp 198.51.100.7:5555 > 203.0.113.10:80 FIN,ACK
///
/// `+N` with `s`, `ms` or `us` is the time since the packet above, `@SECONDS` a moment on the capture's clock. A packet without
/// either comes 1 ms after the one above, the first at 1000 s. What follows `#` is a comment.
public struct PacketScript: Sendable {
    /// One line's packet.
    public struct Packet: Sendable {
        /// From 1.
        public var line: Int
        /// Microseconds on the capture's clock.
        public var time: UInt64
        public var words: PacketWords
        /// Characters before its words.
        var indent: Int
    }

    public let file: String
    public private(set) var packets: [Packet] = []

    /// What a pcap file's 32 bits of seconds can say, in microseconds.
    private static let lastTime: UInt64 = 4_294_967_295_999_999
    private static let start = UInt64(second)

    /// - Parameter file: the name that errors give.
    /// - Throws: `FileError` with line and column of all that is not understood.
    public init(_ text: String, file: String) throws(FileError) {
        self.file = file
        var errors = FileErrors()
        var last: UInt64?
        for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            do throws(FileError) { try read(line, number + 1, &last) } catch { errors.add(error) }
        }
        try errors.check()
        guard !packets.isEmpty else {
            throw FileError(file: file, text: "no packet: expected lines such as +10ms tcp ADDRESS:PORT > ADDRESS:PORT SYN")
        }
    }

    /// - Parameters:
    ///   - number: of the line, from 1.
    ///   - last: the time of the packet above, then of this one, in microseconds.
    private mutating func read(_ line: Substring, _ number: Int, _ last: inout UInt64?) throws(FileError) {
        let said = line.prefix { $0 != "#" }
        guard let first = said.firstIndex(where: { !$0.isWhitespace }) else { return }
        var rest = said[first...]
        func fail(_ text: String, at column: Int) -> FileError { FileError(file: file, line: number, column: column, text: text) }
        var time = last.map { $0 + 1000 } ?? Self.start
        if let sign = rest.first, sign == "+" || sign == "@" {
            let word = rest.prefix { !$0.isWhitespace }
            let column = line.distance(from: line.startIndex, to: first) + 1
            do throws(Complaint) { time = sign == "@" ? try Self.moment(word) : try (last ?? Self.start) + Self.delay(word) } catch {
                throw fail(error.text, at: column)
            }
            guard time >= last ?? 0 else { throw fail("\(word): earlier than the packet above", at: column) }
            guard time <= Self.lastTime else { throw fail("\(word): a capture's clock ends at 4294967295 s", at: column) }
            rest = rest.dropFirst(word.count).drop(while: \.isWhitespace)
        }
        last = time
        let indent = line.distance(from: line.startIndex, to: rest.startIndex)
        do throws(PacketWords.WordsProblem) {
            let words = try PacketWords(PacketNames.numeric(String(rest), names: SystemNames()))
            packets.append(Packet(line: number, time: time, words: words, indent: indent))
        } catch { throw fail(error.text, at: error.column > 0 ? indent + error.column : 0) }
    }

    private struct Complaint: Error { var text: String }

    /// `@SECONDS` in microseconds.
    private static func moment(_ word: Substring) throws(Complaint) -> UInt64 {
        guard let time = microseconds(word.dropFirst(), unit: 1_000_000) else {
            throw Complaint(text: "\(word): expected @SECONDS, to the microsecond")
        }
        return time
    }

    /// `+N` and a unit, in microseconds.
    private static func delay(_ word: Substring) throws(Complaint) -> UInt64 {
        for (unit, length) in [("us", 1), ("ms", 1000), ("s", 1_000_000)] as [(String, UInt64)] where word.hasSuffix(unit) {
            guard let time = microseconds(word.dropFirst().dropLast(unit.count), unit: length) else { break }
            return time
        }
        throw Complaint(text: "\(word): expected a time such as +10ms, +1.5s or +200us, to the microsecond")
    }

    /// A decimal number of units; `nil` when it is none, too large, or not whole in microseconds.
    private static func microseconds(_ text: Substring, unit: UInt64) -> UInt64? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let digits = parts.count > 1 ? parts[1] : "0"
        guard parts[0].allSatisfy(\.isASCII), digits.allSatisfy(\.isASCII), let whole = UInt32(parts[0]), parts[0].first != "+",
            digits.count <= 6, digits.first != "+", let fraction = UInt64(digits)
        else { return nil }
        let scale = (0..<digits.count).reduce(UInt64(1)) { product, _ in product * 10 }
        guard (fraction * unit).isMultiple(of: scale) else { return nil }
        return UInt64(whole) * unit + fraction * unit / scale
    }
}
