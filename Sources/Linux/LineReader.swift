public import SystemPackage

/// Reads an open file line by line, such as a standard input that may never end.
public final class LineReader {
    private let file: FileReader
    private var rest: [UInt8] = []
    private var place = 0
    private var isAtEnd = false
    private let longest: Int

    /// The standard input.
    /// - Parameter longest: bytes of the longest line; a longer one ends the input.
    public static func standardInput(longest: Int) throws(Errno) -> LineReader {
        LineReader(FileReader(adopting: try withErrno { try FileDescriptor.standardInput.duplicate() }), longest: longest)
    }

    public init(_ file: FileReader, longest: Int) {
        self.file = file
        self.longest = longest
    }

    /// What came of an attempt to read a line.
    public enum Outcome: Hashable, Sendable {
        /// A line without its end (LF); bytes that are no UTF-8 become U+FFFD.
        case line(String)
        case end
        /// It is longer than it may be.
        case tooLong
    }

    /// Whether the next line is there already.
    public var hasLine: Bool { rest[place...].contains(0x0a) }

    public func next() throws(Errno) -> Outcome {
        var searched = place
        while true {
            if let end = rest[searched...].firstIndex(of: 0x0a) {
                guard end - place <= longest else { return .tooLong }
                defer { place = end + 1 }
                return .line(String(decoding: rest[place..<end], as: UTF8.self))
            }
            guard rest.count - place <= longest else { return .tooLong }
            guard !isAtEnd else {
                guard place < rest.count else { return .end }
                defer { place = rest.count }
                return .line(String(decoding: rest[place...], as: UTF8.self))
            }
            rest.removeFirst(place)
            place = 0
            searched = rest.count
            let more = try file.some()
            isAtEnd = more.isEmpty
            rest += more
        }
    }
}
