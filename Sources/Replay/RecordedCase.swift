internal import Admin
internal import LVS
internal import Links
internal import Linux
internal import SystemPackage
internal import Wire

/// A case folder that is being made of what a director takes down for it.
public final class RecordedCase {
    public let folder: String
    /// Frames that arrived, and bytes of their files.
    public private(set) var frames = 0
    public private(set) var bytes = 0
    /// Frames that left.
    public private(set) var emissions = 0
    private let limit: Int
    private let anonymiser: Anonymiser?
    private let names: [Int32: String]
    private var inputs: [Int32: (frames: PcapWriter, offloads: VnetWriter)] = [:]
    private var outputs: [Int32: PcapWriter] = [:]
    /// Text files that are being written.
    private var growing: [String: (file: FileWriter, isWritten: Bool)] = [:]
    /// Commands with the frames that they come before.
    private var edits: [(frame: Int, command: String)] = []
    private var last: (cause: Int, number: UInt32) = (-1, 0)
    /// Frames that left when a neighbour became known: what replay, which knows it from the beginning, sends at once.
    private var released: [(interface: Int32, frame: [UInt8])] = []

    /// Makes the folder.
    /// - Parameters:
    ///   - texts: files by name.
    ///   - interfaces: names by the director's numbers.
    ///   - taken: the interfaces that frames are recorded of.
    ///   - limit: frames of which nothing more is kept.
    public init(
        folder: String, texts: [String: String], interfaces: [Int32: String], taken: [String], limit: Int = .max,
        anonymiser: Anonymiser? = nil
    ) throws {
        self.folder = folder
        self.limit = limit
        self.anonymiser = anonymiser
        names = interfaces
        try OutputFile.makeNewFolder(folder)
        for (name, text) in texts { try write(text, name) }
        for (index, name) in interfaces where taken.contains(name) {
            inputs[index] = (
                try PcapWriter(path: "\(folder)/in.\(name).pcap", isExact: true), try VnetWriter(path: "\(folder)/in.\(name).vnet")
            )
        }
    }

    /// Writes one of the case's text files.
    public func write(_ text: String, _ name: String) throws {
        try OutputFile.write(anonymiser?.text(text, of: name) ?? text, to: "\(folder)/\(name)")
    }

    /// Begins one of the text files that are written bit by bit.
    public func begin(_ name: String) throws {
        do throws(Errno) { growing[name] = (try FileWriter(FilePath("\(folder)/\(name)")), false) } catch {
            throw FileError(file: "\(folder)/\(name)", error)
        }
    }

    /// Adds whole lines to it.
    public func append(_ lines: String, to name: String) throws {
        guard let file = growing[name]?.file else { return }
        // The mapped text of whole lines ends as they do.
        do throws(Errno) { try file.write((anonymiser?.text(lines, of: name) ?? lines).utf8) } catch {
            throw FileError(file: "\(folder)/\(name)", error)
        }
        growing[name]?.isWritten = true
    }

    /// Completes it; false when nothing was added.
    public func finish(_ name: String) throws -> Bool {
        guard let (file, isWritten) = growing.removeValue(forKey: name) else { return false }
        do throws(Errno) { try file.close() } catch { throw FileError(file: "\(folder)/\(name)", error) }
        return isWritten
    }

    /// Adds what the director has taken down.
    public func take(_ pieces: [Recording.Piece]) throws {
        for piece in pieces where piece.cause < limit || piece.kind == .command && piece.cause == limit { try take(piece) }
    }

    private func take(_ piece: Recording.Piece) throws {
        var frame = piece.bytes
        if piece.kind != .command { anonymiser?.map(&frame, isPartial: piece.offload.hasPartialChecksum) }
        switch piece.kind {
        case .arrived:
            guard let file = inputs[piece.interface] else {
                throw FileError(file: folder, text: "a frame came in by an interface that is not recorded: \(piece.interface)")
            }
            try write(frame) { window throws(LinkError) in try file.frames.write(window, time: UInt64(max(piece.time, 0))) }
            try file.offloads.write(piece.offload)
            frames += 1
            bytes += 16 + frame.count
        case .left:
            emissions += 1
            // After the mapping hashes pick otherwise: what is expected is made by replay.
            guard anonymiser == nil, let name = names[piece.interface] else { return }
            if outputs[piece.interface] == nil { outputs[piece.interface] = try PcapWriter(path: "\(folder)/out.\(name).pcap") }
            last = piece.cause == last.cause ? (last.cause, last.number + 1) : (piece.cause, 0)
            let number = last.number
            if let file = outputs[piece.interface] {
                try write(frame) { window throws(LinkError) in
                    try file.write(window, seconds: UInt32(clamping: piece.cause), microseconds: number)
                }
            }
        case .released:
            emissions += 1
            released.append((piece.interface, frame))
        case .command:
            edits.append((piece.cause, String(decoding: piece.bytes, as: UTF8.self)))
        }
    }

    private func write(_ frame: [UInt8], _ body: (Bytes) throws(LinkError) -> Void) throws(LinkError) {
        var frame = frame
        var failure: LinkError?
        frame.withBytes { window in do throws(LinkError) { try body(window) } catch { failure = error } }
        if let failure { throw failure }
    }

    /// Completes the files of what arrived and what left.
    public func close(network: String) throws {
        for file in inputs.values {
            try file.frames.close()
            try file.offloads.close()
        }
        for file in outputs.values { try file.close() }
        // A command behind the last frame has changed nothing that the case shows.
        let lines = edits.filter { $0.frame < frames }.map { "\($0.frame): \($0.command)\n" }
        if !lines.isEmpty { try write(lines.joined(), "edits") }
        try write(network, "network")
    }

    /// Makes a regression test of the case: what the director sent is what is expected, and the listings and reasons that the
    /// replay of it leads to.
    /// - Returns: whether the replay sends what the director sent.
    public func settle() throws -> CaseResult {
        if frames > 0, anonymiser == nil { try placeReleased() }
        if anonymiser == nil, outputs.isEmpty, let name = inputs.keys.sorted().first.flatMap({ names[$0] }) {
            try PcapWriter(path: "\(folder)/out.\(name).pcap").close()
        }
        var verifier = CaseVerifier()
        guard anonymiser == nil else {
            verifier.regenerates = true
            return verifier.verify(folder)
        }
        var replay = try Replayer(CaseFiles(folder: folder))
        var verdicts = ""
        while let outcome = try replay.step({ _ in }) { verdicts += outcome.verdict.name + "\n" }
        try replay.finish { _ in }
        try OutputFile.write(verdicts, to: folder + "/verdicts")
        try ListingsFolder.write(&replay, to: folder + "/expected")
        verifier.shown = 3
        return verifier.verify(folder)
    }

    /// Puts frames that waited for a neighbour where replay, which waits for none, sends them.
    private func placeReleased() throws {
        guard !released.isEmpty else { return }
        var replay = try Replayer(CaseFiles(folder: folder))
        let scenario = replay.scenario
        var waiting = try released.map { item in (try index(of: item.interface, in: scenario), item.frame) }
        var expected: [Int32: ExpectedFrames] = [:], merged: [Int32: PcapWriter] = [:], paths: [Int32: String] = [:]
        for index in Set(outputs.keys).union(released.map(\.interface)) {
            guard let name = names[index] else { continue }
            let path = "\(folder)/out.\(name).pcap", interface = try self.index(of: index, in: scenario)
            if outputs[index] == nil { try PcapWriter(path: path).close() }
            expected[interface] = try ExpectedFrames(path: path)
            merged[interface] = try PcapWriter(path: path + ".new")
            paths[interface] = path
        }
        func place(_ cause: Int, _ emissions: [Replayer.Emission]) throws {
            var number: UInt32 = 0
            for interface in merged.keys.sorted() {
                var sent = try expected[interface]?.frames(causedBy: cause) ?? []
                for (position, emission) in emissions.filter({ $0.interface == interface }).enumerated() {
                    guard position > sent.count || position == sent.count || sent[position] != emission.frame,
                        let late = waiting.firstIndex(where: { $0.0 == interface && $0.1 == emission.frame })
                    else { continue }
                    sent.insert(waiting.remove(at: late).1, at: min(position, sent.count))
                }
                for frame in sent {
                    try write(frame) { window throws(LinkError) in
                        try merged[interface]?.write(window, seconds: UInt32(clamping: cause), microseconds: number)
                    }
                    number += 1
                }
            }
        }
        var emissions: [Replayer.Emission] = []
        while let outcome = try replay.step({ emissions.append($0) }) {
            try place(outcome.index, emissions)
            emissions = []
        }
        // What has no place belongs to the last frame, where verification will name it.
        for (interface, frame) in waiting {
            try write(frame) { window throws(LinkError) in
                try merged[interface]?.write(window, seconds: UInt32(clamping: max(frames - 1, 0)), microseconds: 999_999)
            }
        }
        for (interface, writer) in merged {
            try writer.close()
            if let path = paths[interface] { try OutputFile.rename(path + ".new", to: path) }
        }
    }

    private func index(of number: Int32, in scenario: Scenario) throws -> Int32 {
        guard let name = names[number], let found = scenario.network.interface(named: name) else {
            throw FileError(file: folder, text: "the network has no interface \(number)")
        }
        return found.index
    }
}
