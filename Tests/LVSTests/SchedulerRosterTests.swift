import Foundation
import LVS
import PacketKit
import Testing
import Wire

/// What the roster promises to those who work from it: nobody else knows schedulers by name, and a memory is enough to go on from.
@Suite struct SchedulerRosterTests {
    static let names = Schedulers.roster.map { $0.name }

    /// A scheduler is its own file and a word in the roster: its name as a string stands in its file alone, and its type there
    /// and in the roster. Other languages (rules of nftables, `ip`) have words of their own.
    @Test func namesStandInTheirOwnFilesAlone() throws {
        let files = SourceFile.all.filter {
            ["LVS", "Admin", "Replay", "Host", "svs"].contains($0.module) && !$0.path.hasPrefix("Sources/Admin/Files/")
                && !$0.path.hasPrefix("Sources/Admin/Netfilter/")
        }
        for type in Schedulers.roster {
            let home = String(describing: type)
            let literal = try NSRegularExpression(pattern: "(\"\(type.name)(?:-[a-z]+)?\")")
            let word = try NSRegularExpression(pattern: "\\b(\(home))\\b")
            for file in files where file.name != home {
                for match in file.matches(of: literal, inText: true) { Issue.record("\(file.path):\(match.line): \(match.word)") }
                if file.path != "Sources/LVS/Schedulers/Scheduler.swift" { file.refuse(word) }
            }
            let roster = try #require(files.first { $0.path == "Sources/LVS/Schedulers/Scheduler.swift" })
            #expect(roster.matches(of: try NSRegularExpression(pattern: "\\b(\(home))\\.self")).count == 1)
        }
    }

    @Test func eachHasASummaryAndFlagsOfItsOwn() {
        #expect(Set(Schedulers.roster.map { $0.summary }).count == Schedulers.roster.count)
        let flags = Schedulers.roster.flatMap { $0.flagNames }
        #expect(Set(flags.map { $0.name }).count == flags.count)
        for type in Schedulers.roster {
            #expect(!type.summary.isEmpty && type.summary.utf8.count <= 90)
            for flag in type.flagNames { #expect(flag.name.hasPrefix(type.name + "-")) }
        }
        #expect(Schedulers.type(named: Schedulers.usual) != nil && Schedulers.type(named: Schedulers.none) == nil)
    }

    /// After any history, another scheduler of the kind that knows only the servers and the memory picks the same ones.
    @Test(arguments: names, [ServiceFlags(), [.scheduler1, .scheduler2]])
    func aMemoryIsEnoughToGoOnFrom(name: String, flags: ServiceFlags) throws {
        var dice = SeededGenerator(seed: 11)
        let farm = try ServerFarm(name, flags: flags)
        for letter in "ABCDE" { farm.add(letter, ServerSettings(weight: 1 + Int32(dice.next(4)))) }
        func live(with twin: (any Scheduler)?) throws {
            switch dice.next(8) {
            case 0: farm.advance(to: farm.now + Int64(dice.next(400_000_000_000)))
            case 1 where !farm.connections.isEmpty: farm.becomeInactive(Int(dice.next(UInt64(farm.connections.count))))
            case 2 where !farm.connections.isEmpty: farm.expire(Int(dice.next(UInt64(farm.connections.count))))
            case 3:
                let place = Int(dice.next(UInt64(farm.order.count)))
                try farm.edit(farm.letter(place), ServerSettings(weight: Int32(dice.next(4))))
                twin?.serversChanged(.edited(place), in: farm.servers)
            default:
                let request = ServerFarm.request(dice.next(), at: farm.now)
                let expected = twin?.pick(for: request, from: farm.servers)
                let actual = farm.connect(request)
                if twin != nil { #expect(expected == actual) }
            }
            if let twin, let due = twin.nextTick, due <= farm.now { twin.tick(at: farm.now) }
        }
        for _ in 0..<20 {
            for _ in 0..<40 { try live(with: nil) }
            // The other one's clock shows another time: only what lies between moments is remembered.
            let twin = try #require(Schedulers.named(name, flags: flags))
            twin.serversChanged(.started, in: farm.servers)
            let memory = farm.scheduler.memory(at: farm.now)
            twin.resume(memory, in: farm.servers, at: farm.now)
            #expect(twin.memory(at: farm.now) == memory)
            for _ in 0..<40 { try live(with: twin) }
        }
    }

    /// What no scheduler would say does no harm.
    @Test(arguments: names)
    func anAbsurdMemoryIsSurvived(name: String) throws {
        let address = IPAddress(v4: 0x0a32_0001), gone = ServerKey(address: IPAddress(v4: 1), port: 0)
        for number in [Int.min, -1, 0, 7, Int.max] {
            let farm = try ServerFarm(name)
            _ = try farm.run("+A1 +B2")
            let time = Instant(clamping: number)
            for count in 0..<4 {
                let times = [Instant](repeating: time, count: count)
                farm.scheduler.resume(
                    SchedulerMemory(
                        position: [Int](repeating: number, count: count), times: times,
                        items: [
                            .init(address: address, servers: [], times: times),
                            .init(address: address, servers: [gone, farm.key("A")], times: times),
                        ]), in: farm.servers, at: 0)
                farm.advance(to: farm.now + 1)
                for _ in 0..<5 { if let place = farm.connect() { #expect(farm.order.indices.contains(place)) } }
            }
        }
    }

    /// Counters and rates of the servers, as the estimator last saw them.
    @Test func candidatesShowRates() {
        let pool = Slab<RealServer>(capacity: 2), shown = Slab<ShownCounters>(capacity: 2)
        for place in 0..<2 {
            let key = ServerKey(address: IPAddress(v4: 0x0a02_000b + UInt32(place)), port: 80)
            pool[place] = RealServer(key: key, settings: ServerSettings(), service: 0)
            var counters = Counters(), estimator = ShownCounters()
            counters.packetsIn = 800 * UInt64(place)
            estimator.tick(counters)
            shown[place] = estimator
        }
        let servers = Candidates(order: [1, 0], pool: pool.view, shown: shown.view)
        #expect(servers.statistics(of: 0).counters.packetsIn == 800 && servers.statistics(of: 0).rates.packetsIn == 100)
        #expect(servers.statistics(of: 1) == Statistics())
        #expect(Candidates(order: [1, 0], pool: pool.view).statistics(of: 0) == Statistics())
    }

    /// An estimator that goes on where another one stood shows the same rates from then on, whatever its counters are.
    @Test func ratesGoOn() {
        var dice = SeededGenerator(seed: 5), live = Counters(), other = Counters()
        var first = RateEstimator(), second = RateEstimator()
        for step in 0..<40 {
            let passed = dice.next(5000)
            live.packetsIn += passed
            live.bytesIn += passed * 700
            if step == 20 {
                second.resume(from: first.position(live), other)
                #expect(second.position(other) == first.position(live))
            } else {
                first.tick(live)
            }
            if step > 20 {
                other.packetsIn += passed
                other.bytesIn += passed * 700
                second.tick(other)
                #expect(second.rates == first.rates)
            }
        }
    }
}
