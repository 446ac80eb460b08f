internal import Admin
public import LVS
internal import Links
public import Wire

/// Runs the frames of pcap files through a director: the files' times are the clock, no socket, no privilege, the same
/// bytes every time.
public struct Replayer: ~Copyable {
    public private(set) var director: Director
    public let scenario: Scenario
    private var inputs: [Input]
    private var singleFrame = SingleFrame()
    /// Whether outcomes say why frames went where they went.
    public var explains = false
    private let start: Instant
    /// Time that the director has lived through; of a silence of more than an hour that is ten minutes, the rest it leaps over.
    private var lived: Instant = 0
    /// How much of it there may be: by default 100 days, more than captures have, and as much as can be lived through while
    /// somebody waits.
    public var longestLife: Instant = 100 * 86_400 * second
    /// Frames read so far, over all inputs.
    public private(set) var frames = 0
    /// Commands of the `edits` file that the director refused, with the frame they came before.
    public private(set) var refusals: [(frame: Int, error: CommandError)] = []

    private struct Input {
        var reader: PcapReader
        var offloads: VnetReader?
        var interface: Int32
        var next: (time: Instant, bytes: [UInt8])?
    }

    /// What became of one input frame.
    public struct Outcome: Sendable {
        /// Number of the frame over all inputs in time order, from 0.
        public var index: Int
        public var time: Instant
        public var interface: Int32
        public var verdict: Verdict
        public var service: ServiceKey?
        public var server: ServerKey?
        /// The frame as it came in.
        public var frame: [UInt8]
        /// The decisions, when they were asked for.
        public var explanation: Explanation?
    }

    /// A frame that the director emitted.
    public struct Emission: Sendable {
        public var interface: Int32
        /// The input frame that caused it.
        public var cause: Int
        public var causeTime: Instant
        public var frame: [UInt8]
        public var offload: Offload
    }

    /// Opens the inputs, reads the scenario and loads the services as they are at the first frame's time.
    /// - Parameters:
    ///   - seed: instead of the one in the case's `run` file, or of 0.
    ///   - connections: the same for the size of the connection table.
    ///   - ownership: the same for the addresses that the director owns.
    /// - Throws: `FileError` or `LinkError`: the first thing wrong in any file, or the command that was refused.
    public init(_ files: CaseFiles, seed: UInt64? = nil, connections: Int? = nil, ownership: Ownership? = nil) throws {
        var scenario = try Scenario(files)
        if let seed { scenario.run.seed = seed }
        if let connections { scenario.run.connections = connections }
        if let ownership { scenario.run.hostEmulation.ownership = ownership }
        let inputs = try Self.open(files, scenario)
        var start = inputs.compactMap { $0.next?.time }.min() ?? 0
        // The director of a recording knew its connections a moment before the first frame.
        if let known = scenario.connections, known.hasClock { start = known.snapshot.clock }
        var director = Director(
            connections: scenario.run.connections, seed: scenario.run.seed, hostEmulation: scenario.run.hostEmulation, at: start)
        director.network = scenario.network
        director.tunables = scenario.tunables
        director.marks4 = scenario.marks4
        director.marks6 = scenario.marks6
        scenario.firewall?.apply(to: &director, marks: scenario.run.marksFromHost, honours: scenario.run.honoursFirewall)
        for rule in scenario.services {
            do { try director.apply(rule.command) } catch {
                throw FileError(file: files.services, line: rule.line, text: error.sentence)
            }
        }
        try scenario.connections?.load(into: &director)
        self.start = start
        self.scenario = scenario
        self.inputs = inputs
        self.director = director
    }

    private static func open(_ files: CaseFiles, _ scenario: Scenario) throws -> [Input] {
        var opened: [Input] = []
        for capture in files.inputs {
            var interface = scenario.firstInterface
            if let name = capture.interface {
                guard let found = scenario.network.interface(named: name) else {
                    throw FileError(file: capture.path, text: "the network file has no interface '\(name)'")
                }
                interface = found.index
            }
            var input = Input(reader: try PcapReader(path: capture.path), offloads: nil, interface: interface, next: nil)
            if let path = files.offloads[capture.interface ?? ""] { input.offloads = try VnetReader(path: path) }
            input.next = try read(input.reader)
            opened.append(input)
        }
        return opened
    }

    private static func read(_ reader: PcapReader) throws(LinkError) -> (time: Instant, bytes: [UInt8])? {
        guard let (record, bytes) = try reader.next() else { return nil }
        return (Instant(clamping: record.time), bytes)
    }

    /// Directs the next frame; `nil` when all are done.
    public mutating func step(_ emit: (Emission) throws -> Void) throws -> Outcome? {
        var chosen: Int?
        for i in inputs.indices {
            guard let time = inputs[i].next?.time else { continue }
            if let best = chosen, let other = inputs[best].next?.time, other <= time { continue }
            chosen = i
        }
        guard let chosen, let (time, bytes) = inputs[chosen].next else { return nil }
        inputs[chosen].next = try Self.read(inputs[chosen].reader)
        guard lived <= longestLife else {
            throw FileError(
                file: inputs[chosen].reader.path,
                text:
                    "the frames up to input frame \(frames) last longer than \(longestLife / (86_400 * second)) days; a clock must be wrong"
            )
        }
        let offload = try inputs[chosen].offloads?.next() ?? Offload()
        return try direct(bytes, offload, on: inputs[chosen].interface, at: time, emit)
    }

    /// Directs a frame that stands in no file, behind those that were directed so far.
    /// - Parameter interface: index of the one that it comes in by.
    public mutating func step(with frame: [UInt8], on interface: Int32, _ emit: (Emission) throws -> Void) rethrows -> Outcome {
        try direct(frame, Offload(), on: interface, at: director.now, emit)
    }

    private mutating func direct(
        _ bytes: [UInt8], _ offload: Offload, on interface: Int32, at time: Instant,
        _ emit: (Emission) throws -> Void
    ) rethrows -> Outcome {
        let index = frames
        frames += 1
        let silence = max(time - director.now, 0)
        lived += silence > 3600 * second ? 600 * second : silence
        director.advance(to: time)
        try emitOutbox(causedBy: max(index - 1, 0), time, emit)
        try emitMessages(director.takeSyncMessages(), causedBy: max(index - 1, 0), time, emit)
        for edit in scenario.edits[index] ?? [] { carryOut(edit, before: index) }
        let explanation = try singleFrame.direct(bytes, offload, on: interface, at: time, through: &director, explaining: explains) {
            frame in
            try emit(Emission(frame, cause: index, at: time))
        }
        hear(bytes, offload, on: interface, at: time)
        try emitMessages(director.takeSyncMessages(), causedBy: index, time, emit)
        return Outcome(
            index: index, time: time, interface: interface, verdict: director.verdict(of: 0), service: director.service(of: 0),
            server: director.server(of: 0), frame: bytes, explanation: explanation)
    }

    /// Gives the backup daemon what it hears.
    private mutating func hear(_ frame: [UInt8], _ offload: Offload, on interface: Int32, at time: Instant) {
        guard let daemon = director.syncDaemons.first(where: { $0.role == .backup }) else { return }
        var bytes = frame
        let ports = director.syncPortCount, network = director.network
        bytes.withBytes { bytes in
            guard let message = SyncFrames.message(in: bytes, on: interface, offload, daemon, ports: ports, network) else { return }
            director.hear(message, at: time)
        }
    }

    private mutating func carryOut(_ edit: Scenario.Edit, before frame: Int) {
        switch edit {
        case .command(let command):
            do { try director.apply(command) } catch { refusals.append((frame, error)) }
        case .host(let addresses, let routes):
            director.network.addresses = addresses
            director.network.routes = routes
        }
    }

    /// Lets the clock run on after the last frame: 40 ms, or until no fragment waits when the capture lasted longer than
    /// fragments do. A shorter one does not show how long its sender would have gone on.
    public mutating func finish(_ emit: (Emission) throws -> Void) throws {
        let last = director.now
        var end = last + 40_000_000
        let patience = Instant(max(director.tunables.fragmentTime4, 0)) * second
        while last - start >= patience, let timeout = director.nextFragmentTimeout {
            end = timeout
            director.advance(to: timeout)
            try emitOutbox(causedBy: max(frames - 1, 0), last, emit)
        }
        director.advance(to: end)
        try emitOutbox(causedBy: max(frames - 1, 0), last, emit)
        try emitMessages(director.takeSyncMessages(), causedBy: max(frames - 1, 0), last, emit)
    }

    private func emitOutbox(causedBy index: Int, _ time: Instant, _ emit: (Emission) throws -> Void) rethrows {
        for i in 0..<director.outbox.batch.count {
            try emit(Emission(director.outbox.batch[i], cause: index, at: time))
        }
    }

    /// One estimator tick, as a reader of counters waits for it.
    public mutating func estimate() { director.estimate() }
}

extension Replayer.Emission {
    init(_ frame: Frame, cause: Int, at time: Instant) {
        self.init(interface: frame.egress, cause: cause, causeTime: time, frame: frame.bytes.array, offload: frame.offload)
    }
}
