public import Linux
public import SystemPackage

/// What is wrong in a file that an administrator wrote, and where.
public struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name as it was given.
    public var file: String
    /// From 1; 0 for the file as a whole.
    public var line: Int
    /// From 1, in characters; 0 for the line as a whole.
    public var column: Int
    public var text: String
    /// What else is wrong, in this file or in others that were read with it.
    public var others: [FileError] = []

    public init(file: String, line: Int = 0, column: Int = 0, text: String) {
        self.file = file
        self.line = line
        self.column = column
        self.text = text
    }

    /// The system's answer about the file as a whole.
    public init(file: String, _ error: Errno) { self.init(file: file, text: "\(error)") }

    /// Most errors that are told at once.
    private static let shown = 20

    /// `FILE:LINE:COLUMN: what is wrong`, a line for each thing.
    public var description: String {
        let lines = ([self] + others).prefix(Self.shown).map(\.sentence)
        let rest = others.count + 1 - lines.count
        return lines.joined(separator: "\n") + (rest > 0 ? "\nand \(counted(rest, "further error"))" : "")
    }

    private var sentence: String {
        let place = [line, column].prefix { $0 > 0 }.map { ":\($0)" }.joined()
        return "\(Quote.escaped(file))\(place): \(Quote.shortened(text))"
    }
}

/// What is wrong in a line, for the reader of the lines to add the place.
struct Complaint: Error {
    var text: String
    /// It may come from what is wrong in a line before, and goes unsaid then.
    var isSequel = false

    init(_ text: String, isSequel: Bool = false) {
        self.text = text
        self.isSequel = isSequel
    }
}

/// A text file on disk.
public enum TextFile {
    /// The whole of a regular file of at most 64 MB; bytes that are no UTF-8 become U+FFFD, a byte order mark is overlooked.
    /// - Throws: `FileError` with the system's words when it cannot be read.
    /// - Parameter limit: bytes of the longest file that is read.
    public static func read(_ path: String, limit: Int = RegularFile.longestText) throws(FileError) -> String {
        try read(open(path, limit: limit), path, limit: limit)
    }

    /// The same of a file that is open already, which is closed; `path` is its name.
    public static func read(_ file: FileDescriptor, _ path: String, limit: Int = RegularFile.longestText) throws(FileError) -> String {
        do throws(RegularFile.Refusal) {
            let bytes = try RegularFile.bytes(file, limit: limit)
            return String(decoding: bytes.starts(with: mark) ? bytes.dropFirst(mark.count) : bytes[...], as: UTF8.self)
        } catch { throw FileError(file: path, text: error.description) }
    }

    /// Opens a file for reading, if it is one that `read` takes.
    public static func open(_ path: String, limit: Int = RegularFile.longestText) throws(FileError) -> FileDescriptor {
        do throws(RegularFile.Refusal) { return try RegularFile.open(FilePath(path), limit: limit) } catch {
            throw FileError(file: path, text: error.description)
        }
    }

    /// The byte order mark of UTF-8, which some editors put in front.
    static let mark: [UInt8] = [0xef, 0xbb, 0xbf]

    /// The lines of a text, their ends (LF or CR LF) taken off; the line number is the index plus one.
    public static func lines(of text: String) -> [Substring] {
        text.utf8.split(separator: 0x0a, omittingEmptySubsequences: false).map { bytes in
            let line = Substring(bytes)
            // What follows the last LF has no end that could be taken off.
            return bytes.last == 0x0d && bytes.endIndex < text.endIndex ? line[..<line.utf8.index(before: line.endIndex)] : line
        }
    }
}

extension Substring {
    /// Without the blanks (space, tab, stray CR) at its ends.
    var trimmed: Substring {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d }
        var rest = utf8.drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return Substring(rest)
    }
}
