import ArgumentParser
import Links
import Linux

/// How many threads send frames: a number, or as many as this machine is good for.
enum ThreadCount: ExpressibleByArgument {
    case automatic
    case exactly(Int)

    private static let word = "auto"
    /// Threads that pay at most where nobody has said how many.
    private static let mostUsual = 4

    init?(argument: String) {
        if argument == Self.word { self = .automatic } else if let count = Int(argument) { self = .exactly(count) } else { return nil }
    }

    var defaultValueDescription: String { Self.word }

    /// - Parameter canLend: whether frames can be sent by others from where they lie.
    func number(canLend: Bool) -> Int {
        switch self {
        case .exactly(let count): count
        case .automatic: canLend && Processors.count > 2 ? min(Processors.count - 1, Self.mostUsual) : 0
        }
    }
}

/// Numbers of processors, as taskset(1) takes them: 0,2-3.
struct ProcessorList: ExpressibleByArgument {
    var numbers: [Int] = []

    init() {}

    init?(argument: String) {
        for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends.last ?? nil, 0...last ~= first, last < 1 << 12 else {
                return nil
            }
            numbers += first...last
        }
    }

    var defaultValueDescription: String { "any" }
}

/// Which threads a director has, and where they run.
struct ThreadOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Threads beside the engine's that send its frames, each flow always by the same one; 0: the engine sends itself. auto is 0 on up to two processors, else one less than there are, at most 4.",
            valueName: "n|auto"))
    var ioThreads = ThreadCount.automatic
    @Option(
        help: ArgumentHelp("Processors to run on, one a thread: the engine's first, then the I/O threads'.", valueName: "list"))
    var cpus = ProcessorList()
    @Option(help: .hidden) var workers: Int?

    func validate() throws {
        guard workers == nil else {
            throw ValidationError("--workers is no more: one engine directs all frames, and --io-threads shares their sending")
        }
        if case .exactly(let count) = ioThreads, !(0...SendingThreads.mostThreads).contains(count) {
            throw ValidationError("--io-threads: auto, or 0 to \(SendingThreads.mostThreads) are possible")
        }
        if let missing = cpus.numbers.first(where: { !Processors.contain($0) }) {
            throw ValidationError("--cpus: this process may not run on processor \(missing)")
        }
    }
}
