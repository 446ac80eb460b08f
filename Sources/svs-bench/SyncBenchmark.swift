import ArgumentParser
import CLinux
import LVS
import Wire

/// `svs-bench sync`: what it costs the engine to tell other directors of its connections, and to hear of theirs.
struct SyncBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync", abstract: "Nanoseconds to synchronise a connection, and the share of a thread at 100,000 a second.",
        discussion: """
            Each connection is three packets (SYN, ACK, ACK), of which the third is said. With and without a master daemon in turn; \
            the difference of the medians is what a connection's record costs. Then a backup hears all messages.
            """)
    @Option(help: "Connections of each round.") var connections = 200_000
    @Option(help: "Rounds of each measurement.") var rounds = 7

    func run() throws {
        guard (64...5_000_000).contains(connections) else { throw ValidationError("--connections: 64 to 5000000") }
        let race = Race(connections: connections, rounds: rounds)
        var silent: [Double] = [], saying: [Double] = [], hearing: [Double] = []
        for _ in 0..<max(rounds, 3) {
            silent.append(race.synchronised(false).spent)
            let (spent, messages) = race.synchronised(true)
            saying.append(spent)
            hearing.append(race.heard(messages))
        }
        func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
        let cost = max(median(saying) - median(silent), 0), share = cost * 100_000 / 1e9 * 100
        func shown(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
        print("three packets, silent: \(shown(median(silent))) ns; with a master: \(shown(median(saying))) ns")
        print("a record said: \(shown(cost)) ns, \(shown(share)) % of a thread at 100,000 a second")
        print(
            "a record heard: \(shown(median(hearing))) ns, \(shown(median(hearing) * 100_000 / 1e9 * 100)) % of a thread at 100,000 a second"
        )
    }
}

extension Race {
    /// Opens every connection and sends a third packet of each.
    /// - Returns: nanoseconds a connection, and what a master said meanwhile.
    func synchronised(_ isMaster: Bool) -> (spent: Double, messages: [SyncMessage]) {
        var director = Director(connections: max(connections * 2, 1 << 16), seed: 1)
        Self.serve(&director)
        if isMaster { start(.master, &director) }
        let traffic = Traffic(flows: connections), size = 64, slot = 256
        var batch = Batch(capacity: size)
        let memory = Slab<UInt8>(capacity: size * slot)
        var messages: [SyncMessage] = []
        var spent: UInt64 = 0, first = 0, now: Instant = 1
        while first < connections {
            let end = min(first + size, connections)
            for flags in [TCPFlags.syn, .ack, .ack] {
                traffic.load(&batch, memory.view, flows: first..<end, slot: slot, flags: flags)
                let start = svs_clock()
                director.process(&batch, at: now)
                messages += director.takeSyncMessages()
                spent += svs_clock() - start
            }
            // 100,000 connections a second.
            now += Instant(end - first) * 10_000
            let start = svs_clock()
            director.advance(to: now)
            messages += director.takeSyncMessages()
            spent += svs_clock() - start
            first = end
        }
        director.advance(to: now + 5 * second)
        return (Double(spent) / Double(connections), messages + director.takeSyncMessages())
    }

    /// Nanoseconds a record that a backup hears for the first time.
    func heard(_ messages: [SyncMessage]) -> Double {
        var director = Director(connections: max(connections * 2, 1 << 16), seed: 1)
        Self.serve(&director)
        start(.backup, &director)
        let begin = svs_clock()
        for message in messages {
            var bytes = message.bytes
            bytes.withBytes { director.hear($0, at: 1) }
        }
        let spent = svs_clock() - begin
        return Double(spent) / Double(max(director.syncCounters.recordsTaken, 1))
    }

    private func start(_ role: SyncDaemon.Role, _ director: inout Director) {
        do { try director.apply(.startDaemon(SyncDaemon(role: role))) } catch {
            preconditionFailure("the benchmark's own daemon was refused: \(error)")
        }
    }
}
