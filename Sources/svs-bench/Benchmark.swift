import ArgumentParser
import LVS
import Wire

/// `svs-bench`: measures the engine on frames in memory, beside a C loop of the same work.
@main
struct Benchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "svs-bench", abstract: "Measure the director's engine and links on frames in memory.",
        subcommands: [EngineBenchmark.self, LinkBenchmark.self, AdoptionBenchmark.self, SyncBenchmark.self, ScaleBenchmark.self])
}

/// `svs-bench engine`: nanoseconds a packet for known and new connections.
struct EngineBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "engine", abstract: "Nanoseconds a packet through the whole engine, beside a C loop of the same work.",
        discussion: """
            Known connections: TCP segments of established connections. New ones: a SYN each. The C loop does what a packet of
            a known connection needs with direct routing: parse, flow hash, lookup, TCP state, deadline, counters, TTL, two
            MACs. Tunnelling and translation do more: their ratio says how much. Rounds of both are interleaved; medians are
            shown, and the ratio is of medians of the same run.
            """)
    @Flag(help: "Print one JSON object.") var json = false
    @Option(help: "Rounds of each measurement.") var rounds = 15
    @Option(help: ArgumentHelp("Connections, separated by commas.", valueName: "n,n")) var connections = "10000,1000000"

    func run() throws {
        var results: [Measurement] = []
        for word in connections.split(separator: ",") {
            guard let count = Int(word), count >= 64, count <= 10_000_000 else {
                throw ValidationError("--connections: '\(word)' is not 64 to 10000000")
            }
            for method in Method.allCases { results.append(Race(connections: count, method: method, rounds: max(rounds, 3)).run()) }
        }
        if json {
            print("[" + results.map(\.json).joined(separator: ",\n ") + "]")
        } else {
            print("connections  method  known ns/packet  C loop ns/packet  ratio  new ns/packet")
            for result in results { print(result.line) }
        }
    }
}
