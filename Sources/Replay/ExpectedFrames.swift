public import Admin
internal import LVS
internal import Links
internal import Wire

/// What a case expects besides its input: emitted frames, listings, verdicts, and what is not judged.
public struct Expectations: Sendable {
    /// Files `out.pcap` and `out.IF.pcap`.
    public var outputs: [CaseFiles.Capture] = []
    /// Texts of `expected/*.txt` by file name.
    public var listings: [String: String] = [:]
    /// Reason codes of the input frames; `-` for one that is not judged.
    public var verdicts: [Substring]?
    /// Input frames that are not judged.
    public var routed: Set<Int> = []
    public var ignored = IgnoredFields()
    public let folder: String

    public var isEmpty: Bool { outputs.isEmpty && listings.isEmpty && verdicts == nil }

    /// Frames of the first Ethernet link in `path`, for a case in `folder`.
    init(frames path: String, folder: String) {
        self.folder = folder
        outputs = [CaseFiles.Capture(interface: nil, path: path)]
    }

    /// Reads what a case folder expects.
    /// - Throws: `FileError` for all that is wrong in its files.
    public init(folder: String) throws(FileError) {
        self.folder = folder
        var errors = FileErrors()
        let names = try CaseFiles.names(in: folder)
        for name in names.sorted() {
            guard
                let interface = CaseFiles.interface(of: name, between: "out", and: "pcap")
                    ?? CaseFiles.interface(of: name, between: "out", and: "pcapng")
            else { continue }
            outputs.append(CaseFiles.Capture(interface: interface.isEmpty ? nil : interface, path: folder + "/" + name))
        }
        if names.contains("expected") {
            for name in try CaseFiles.names(in: folder + "/expected") where ListingsFolder.names.contains(name) {
                listings[name] = try TextFile.read(folder + "/expected/" + name)
            }
        }
        if names.contains("verdicts") {
            do throws(FileError) { verdicts = try Self.verdicts(folder + "/verdicts") } catch { errors.add(error) }
        }
        if names.contains("routed") {
            do throws(FileError) { routed = try Self.routed(folder + "/routed") } catch { errors.add(error) }
        }
        if names.contains("ignore") {
            let path = folder + "/ignore"
            do throws(FileError) { ignored = try IgnoredFields(TextFile.read(path), file: path) } catch { errors.add(error) }
        }
        try errors.check()
    }

    /// The numbers of frames in a file, between blanks or line ends.
    private static func routed(_ path: String) throws(FileError) -> Set<Int> {
        var errors = FileErrors(), frames: Set<Int> = []
        for word in try TextFile.read(path).split(whereSeparator: \.isWhitespace) {
            guard let frame = Int(word) else {
                errors.add(FileError(file: path, text: "\(word): not the number of a frame"))
                continue
            }
            frames.insert(frame)
        }
        try errors.check()
        return frames
    }

    /// The reason codes of a file, one a line, with `#` comments.
    private static func verdicts(_ path: String) throws(FileError) -> [Substring] {
        let known = Verdict.allCases.map(\.name)
        var errors = FileErrors(), verdicts: [Substring] = []
        for (index, line) in try TextFile.read(path).split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            guard let word = line.prefix(while: { $0 != "#" }).split(whereSeparator: \.isWhitespace).first else { continue }
            guard word == "-" || known.contains(String(word)) else {
                let hint = Resemblance.nearest(to: String(word), among: known).map { "; did you mean \($0)?" } ?? ""
                errors.add(FileError(file: path, line: index + 1, text: "\(word): no reason code\(hint)"))
                continue
            }
            verdicts.append(word)
        }
        try errors.check()
        return verdicts
    }
}

/// The expected frames of one interface, in the order of the input frames that cause them.
struct ExpectedFrames {
    private let reader: PcapReader
    private var next: (cause: Int, frame: [UInt8])?
    private var last = 0

    init(path: String) throws {
        reader = try PcapReader(path: path)
        next = try read()
    }

    private mutating func read() throws -> (cause: Int, frame: [UInt8])? {
        guard let (record, bytes) = try reader.next() else { return nil }
        let cause = Int(record.time / UInt64(second))
        guard cause >= last else {
            throw FileError(
                file: reader.path, text: "frame \(reader.frames): caused by input frame \(cause), but stands behind one of frame \(last)")
        }
        last = cause
        return (cause, bytes)
    }

    /// The frames that an input frame causes; to be asked in the order of the input.
    mutating func frames(causedBy cause: Int) throws -> [[UInt8]] {
        var frames: [[UInt8]] = []
        while let (at, frame) = next, at <= cause {
            frames.append(frame)
            next = try read()
        }
        return frames
    }

    /// Complains about frames that name an input frame behind the last one.
    func finish(after count: Int) throws(FileError) {
        guard let next else { return }
        throw FileError(file: reader.path, text: "a frame is caused by input frame \(next.cause), but there are \(count)")
    }
}
