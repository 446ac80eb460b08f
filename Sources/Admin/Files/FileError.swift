import Glibc

/// What is wrong in a file that an administrator wrote, and where.
public struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name as it was given.
    public var file: String
    /// From 1; 0 for the file as a whole.
    public var line: Int
    /// From 1, in characters; 0 for the line as a whole.
    public var column: Int
    public var text: String

    public init(file: String, line: Int = 0, column: Int = 0, text: String) {
        self.file = file
        self.line = line
        self.column = column
        self.text = text
    }

    /// `FILE:LINE:COLUMN: what is wrong`.
    public var description: String {
        let place = [line, column].prefix { $0 > 0 }.map { ":\($0)" }.joined()
        return "\(file)\(place): \(text)"
    }
}

/// What is wrong in a line, for the reader of the lines to add the place.
struct Complaint: Error {
    var text: String
    init(_ text: String) { self.text = text }
}

/// A text file on disk.
public enum TextFile {
    /// The whole of a file; bytes that are no UTF-8 become U+FFFD.
    /// - Throws: `FileError` with the system's words when it cannot be read.
    public static func read(_ path: String) throws(FileError) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(file: path, text: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        guard let bytes = readAll(descriptor) else { throw FileError(file: path, text: String(cString: strerror(errno))) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Everything up to the end of an open descriptor; `nil` with errno set when reading fails.
    static func readAll(_ descriptor: Int32) -> [UInt8]? {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { return bytes }
            bytes += piece[..<count]
        }
    }

    /// The lines of a text, their ends (LF or CR LF) taken off; the line number is the index plus one.
    static func lines(of text: String) -> [Substring] {
        text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    }
}

extension Substring {
    /// Without the blanks (space, tab, stray CR) at its ends.
    var trimmed: Substring {
        func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" || character == "\r" }
        var rest = drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return rest
    }
}
