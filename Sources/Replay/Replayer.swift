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
    private var batch = Batch(capacity: 1)
    private let memory: Slab<UInt8>
    private let start: Instant
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
    public struct Outcome {
        /// Number of the frame over all inputs in time order, from 0.
        public var index: Int
        public var time: Instant
        public var interface: Int32
        public var verdict: Verdict
        public var service: ServiceKey?
        public var server: ServerKey?
        /// The frame as it came in.
        public var frame: [UInt8]
    }

    /// A frame that the director emitted.
    public struct Emission {
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
    /// - Throws: `FileError` or `LinkError`: the first thing wrong in any file, or the command that was refused.
    public init(_ files: CaseFiles, seed: UInt64? = nil, connections: Int? = nil) throws {
        var scenario = try Scenario(files)
        if let seed { scenario.run.seed = seed }
        if let connections { scenario.run.connections = connections }
        let inputs = try Self.open(files, scenario)
        let start = inputs.compactMap { $0.next?.time }.min() ?? 0
        var director = Director(connections: scenario.run.connections, seed: scenario.run.seed, hostRole: scenario.run.hostRole, at: start)
        director.network = scenario.network
        director.tunables = scenario.tunables
        director.marks4 = scenario.marks4
        director.marks6 = scenario.marks6
        for rule in scenario.services {
            do { try director.apply(rule.command) } catch {
                throw FileError(file: files.services, line: rule.line, text: error.sentence)
            }
        }
        self.start = start
        self.scenario = scenario
        self.inputs = inputs
        self.director = director
        memory = Slab(capacity: PcapWriter.longestFrame + 256)
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

    deinit { memory.deallocate() }

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
        let offload = try inputs[chosen].offloads?.next() ?? Offload()
        let index = frames
        frames += 1

        director.advance(to: time)
        try emitOutbox(causedBy: max(index - 1, 0), time, emit)
        for command in scenario.edits[index] ?? [] {
            do { try director.apply(command) } catch { refusals.append((index, error)) }
        }
        batch.removeAll()
        let base = UnsafeMutableRawPointer(memory.mutableAddress(checked: 0))
        var frame = Frame(buffer: base, capacity: memory.capacity, headroom: 128, length: bytes.count, ingress: inputs[chosen].interface)
        frame.bytes.copy(bytes)
        frame.offload = offload
        batch.append(frame)
        director.process(&batch, at: time)
        if batch[0].egress != 0 {
            try emit(Emission(interface: batch[0].egress, cause: index, causeTime: time, frame: batch[0].bytes.array, offload: batch[0].offload))
        }
        try emitOutbox(causedBy: index, time, emit)
        return Outcome(index: index, time: time, interface: inputs[chosen].interface, verdict: director.verdict(of: 0),
                       service: director.service(of: 0), server: director.server(of: 0), frame: bytes)
    }

    /// Lets the clock run on after the last frame: 20 ms, or until no fragment waits when the capture lasted longer than
    /// fragments do. A shorter one does not show how long its sender would have gone on.
    public mutating func finish(_ emit: (Emission) throws -> Void) throws {
        let last = director.now
        var end = last + 20_000_000
        let patience = Instant(max(director.tunables.fragmentTime4, 0)) * 1_000_000_000
        while last - start >= patience, let timeout = director.nextFragmentTimeout {
            end = timeout
            director.advance(to: timeout)
            try emitOutbox(causedBy: max(frames - 1, 0), last, emit)
        }
        director.advance(to: end)
        try emitOutbox(causedBy: max(frames - 1, 0), last, emit)
    }

    private func emitOutbox(causedBy index: Int, _ time: Instant, _ emit: (Emission) throws -> Void) throws {
        for i in 0..<director.outbox.batch.count {
            let frame = director.outbox.batch[i]
            try emit(Emission(interface: frame.egress, cause: index, causeTime: time, frame: frame.bytes.array, offload: frame.offload))
        }
    }

    /// One estimator tick, as a reader of counters waits for it.
    public mutating func estimate() { director.estimate() }
}
