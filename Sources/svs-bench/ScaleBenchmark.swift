import ArgumentParser
import CLinux
import LVS
import Wire

/// `svs-bench scale`: many directors behind a router that spreads flows over them, and many servers.
struct ScaleBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale", abstract: "How evenly many directors with mh load their servers, and what moves when one leaves.",
        discussion: """
            Every director is a whole engine with sloppy_tcp = 1 and the same servers. A router gives each flow to one of them by a hash \
            of its addresses and ports, as Linux does with fib_multipath_hash_policy = 1. Each flow's SYN is directed; then a director \
            leaves, and the next segment of every flow goes where the router says now; then the directors begin anew with a server \
            less. Below that Maglev hashing itself, with larger tables.
            """)
    @Option(help: "Directors.") var directors = 16
    @Option(help: "Servers.") var servers = 1_000
    @Option(help: "Flows.") var flows = 1_000_000
    @Option(help: ArgumentHelp("Slots of the tables, primes separated by commas.", valueName: "n,n")) var tables = "4093,65537,655373"

    func validate() throws {
        guard (2...64).contains(directors) else { throw ValidationError("--directors: 2 to 64") }
        guard (20...4_000).contains(servers) else { throw ValidationError("--servers: 20 to 4000") }
        guard (1_000...10_000_000).contains(flows) else { throw ValidationError("--flows: 1000 to 10000000") }
    }

    func run() throws {
        let sizes = try tables.split(separator: ",").map { word in
            guard let size = Int(word), size > servers else { throw ValidationError("--tables: '\(word)' is no number above --servers") }
            return size
        }
        let traffic = Traffic(flows: flows, scattered: true)
        print("\(directors) directors, \(servers) servers, \(flows) flows")
        for scheduler in ["mh", "rr"] {
            let routed = RoutedDirectors(traffic: traffic, directors: directors, scheduler: scheduler)
            var whole = routed.begin(servers: 0..<servers)
            let before = routed.direct(&whole, .syn, over: directors)
            print("\(scheduler): \(LoadRange(before, of: servers))")
            whole.removeLast()
            let after = routed.direct(&whole, .ack, over: directors - 1)
            let moved = routed.moved(from: directors, to: directors - 1)
            print(
                "\(scheduler), a director leaves: \(percent(moved, flows)) of all flows go to another director,",
                "\(percent(differing(before, after), flows)) to another server")
            guard scheduler == "mh" else { continue }
            var fewer = routed.begin(servers: 0..<servers - 1)
            let without = routed.direct(&fewer, .syn, over: directors)
            let own = before.count { $0 == servers - 1 }
            print(
                "mh, a server leaves: \(percent(own, flows)) of all flows were its own;",
                "\(percent(differing(before, without) - own, flows)) of all would go to another one as well if they began anew")
        }
        for size in sizes { table(size, traffic) }
    }

    private func table(_ size: Int, _ traffic: Traffic) {
        let began = svs_clock()
        let whole = filled(size, without: [])
        let spent = Double(svs_clock() - began) / 1e6
        var counts = [Int](repeating: 0, count: servers)
        for owner in whole.slots { counts[Int(owner)] += 1 }
        let homes = (0..<flows).map { flow in
            let (address, port) = traffic.endpoint(of: flow)
            return Int(whole.slots[whole.slot(of: address &+ UInt32(port))])
        }
        print(
            "a table of \(size) slots, made in \(rounded(spent)) ms: \(counts.min() ?? 0) to \(counts.max() ?? 0) slots a server; \(LoadRange(homes, of: servers))"
        )
        for leaving in [1, servers / 100, servers / 20] where leaving > 0 {
            var changed = 0.0
            for trial in 0..<20 {
                var gone: Set<Int> = [], number = UInt64(trial) << 32
                while gone.count < leaving {
                    gone.insert(Int(ScatterHash.mix(number) % UInt64(servers)))
                    number += 1
                }
                let fewer = filled(size, without: gone)
                for slot in 0..<size where !gone.contains(Int(whole.slots[slot])) && whole.slots[slot] != fewer.slots[slot] { changed += 1 }
            }
            print(
                "  \(leaving) of \(servers) servers leave: \(rounded(changed / 20 / Double(size) * 100)) % of the slots change besides their own"
            )
        }
    }

    private func filled(_ size: Int, without gone: Set<Int>) -> MaglevTable {
        var table = MaglevTable(size: size)
        table.fill(
            (0..<servers).filter { !gone.contains($0) }.map {
                MaglevTable.Owner(place: Int32($0), address: 0x0a02_000b + UInt32($0), port: 80)
            })
        return table
    }

    private func differing(_ one: [Int], _ other: [Int]) -> Int { zip(one, other).count { $0 != $1 } }
    private func percent(_ part: Int, _ whole: Int) -> String { "\(rounded(Double(part) * 100 / Double(whole))) %" }
}

/// Directors with the same servers behind one router.
struct RoutedDirectors {
    let traffic: Traffic
    let directors: Int
    let scheduler: String

    /// Directors that know no flows yet.
    func begin(servers: Range<Int>) -> [HeldDirector] {
        (0..<directors).map { number in
            let one = HeldDirector(Director(connections: max(traffic.flows * 3 / directors, 1 << 16), seed: UInt64(number)))
            var settings = ServiceSettings(scheduler: scheduler)
            if scheduler == "mh" { settings.flags = [.scheduler2] }
            Race.serve(&one.director, servers: servers, settings)
            one.director.tunables.sloppyTCP = 1
            return one
        }
    }

    /// Directs a segment of every flow.
    /// - Returns: each flow's server.
    func direct(_ held: inout [HeldDirector], _ flags: TCPFlags, over count: Int) -> [Int] {
        var servers = [Int](repeating: -1, count: traffic.flows)
        var waiting = [[Int]](repeating: [], count: count)
        let memory = Slab<UInt8>(capacity: 64 * 256)
        var batch = Batch(capacity: 64)
        func flush(_ place: Int) {
            traffic.load(&batch, memory.view, flows: waiting[place], slot: 256, flags: flags)
            held[place].director.process(&batch, at: 1)
            for (index, flow) in waiting[place].enumerated() {
                servers[flow] = Int(batch[index].bytes.big16(at: 4)) - 0x100
            }
            waiting[place].removeAll(keepingCapacity: true)
        }
        for flow in 0..<traffic.flows {
            let place = way(of: flow, over: count)
            waiting[place].append(flow)
            if waiting[place].count == 64 { flush(place) }
        }
        for place in 0..<count where !waiting[place].isEmpty { flush(place) }
        return servers
    }

    /// The router's choice: equal ranges of a hash, one for each director.
    private func way(of flow: Int, over count: Int) -> Int {
        let (address, port) = traffic.endpoint(of: flow)
        return Int(ScatterHash.mix(UInt64(address) << 16 | UInt64(port)).multipliedFullWidth(by: UInt64(count)).high)
    }

    /// Flows that the router gives to another director when there are fewer.
    func moved(from before: Int, to after: Int) -> Int {
        (0..<traffic.flows).count { way(of: $0, over: before) != way(of: $0, over: after) }
    }

    final class HeldDirector {
        var director: Director
        init(_ director: consuming Director) { self.director = director }
    }
}

/// How evenly flows lie on servers.
struct LoadRange: CustomStringConvertible {
    private var fewest = 0.0, most = 0.0

    init(_ flows: [Int], of servers: Int) {
        var counts = [Int](repeating: 0, count: servers)
        for server in flows where counts.indices.contains(server) { counts[server] += 1 }
        let mean = Double(flows.count) / Double(servers)
        (fewest, most) = (Double(counts.min() ?? 0) / mean, Double(counts.max() ?? 0) / mean)
    }

    var description: String { "a server has \(rounded(fewest)) to \(rounded(most)) of the mean" }
}

private func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
