import ArgumentParser
import CLinux
import LVS
import Wire

/// `svs-bench adoption`: how long a director takes that goes on with another one's connections.
struct AdoptionBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adoption", abstract: "Milliseconds until a director has taken over another one's connections.",
        discussion: "The connections are those of `engine`, in memory that outlives the first director.")
    @Option(help: ArgumentHelp("Connections, separated by commas.", valueName: "n,n")) var connections = "10000,1000000"

    func run() throws {
        print("connections  taken over  milliseconds")
        for word in connections.split(separator: ",") {
            guard let count = Int(word), count >= 64, count <= 10_000_000 else {
                throw ValidationError("--connections: '\(word)' is not 64 to 10000000")
            }
            let capacity = max(count * 2, 1 << 16), place = [UInt8](repeating: 7, count: 32)
            let region = Slab<UInt8>(capacity: StateMemory.size(connections: capacity))
            Race(connections: count, rounds: 3).fill(
                in: StateMemory(fresh: region.view.memory, connections: capacity, seed: 1, place: place))
            let start = svs_clock()
            var next = Director(in: try StateMemory(existing: region.view.memory, place: place), at: 2)
            Race.serve(&next)
            let report = next.adopt()
            let spent = svs_clock() - start
            print(
                [("\(count)", 11), ("\(report.connections)", 10), ("\(spent / 1_000_000)", 12)].map { text, width in
                    String(repeating: " ", count: max(width - text.count, 0)) + text
                }.joined(separator: "  "))
        }
    }
}
