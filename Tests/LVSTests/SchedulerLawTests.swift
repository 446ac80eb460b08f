import Foundation
import LVS
import PacketKit
import Testing
import Wire

/// What is true of every scheduler on the roster.
@Suite struct SchedulerLawTests {
    static let names = Schedulers.roster.map { $0.name }

    /// The folder holds one file for each scheduler of the roster, named after its type.
    @Test func theFolderIsTheRoster() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources/LVS/Schedulers")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        let written = try files.filter { try String(contentsOf: $0, encoding: .utf8).contains(": Scheduler {") }
            .map { $0.deletingPathExtension().lastPathComponent }
        #expect(Set(written) == Set(Schedulers.roster.map { String(describing: $0) }))
        #expect(Set(Self.names).count == Self.names.count)
        #expect(Schedulers.named("none", flags: []) == nil)
    }

    @Test(arguments: names)
    func nobodyToServe(name: String) throws {
        for script in ["!", "+A0 +B0 !!", "+A1 -A !", "+A1 A -A ! +A1 A"] {
            #expect(try ServerFarm(name).run(script) == script)
        }
    }

    @Test(arguments: names)
    func theOverloadedAreAvoided(name: String) throws {
        let farm = try ServerFarm(name, flags: .scheduler1)
        _ = try farm.run("+A1 +B1 +C1")
        farm.pool[0].flags.insert(.overloaded)
        farm.pool[2].flags.insert(.overloaded)
        for number in 0..<50 {
            let place = farm.scheduler.pick(for: ServerFarm.request(UInt64(number) &* 0x9e37_79b9_7f4a_7c15), from: farm.servers)
            // Without a second try the client's own server may be the overloaded one.
            #expect(farm.letter(place) == "B" || name == "dh" && place == nil)
        }
    }

    /// Any adding, editing and removing; after each, whoever is picked has weight and is not overloaded, except that `lblc`
    /// leaves an address with a server that is overloaded.
    @Test(arguments: names, [ServiceFlags(), [.scheduler1, .scheduler2]])
    func anyHistoryIsSurvived(name: String, flags: ServiceFlags) throws {
        var dice = SeededGenerator(seed: 7)
        let farm = try ServerFarm(name, flags: flags)
        for step in 0..<200 {
            if dice.next(10) == 0 { farm.scheduler.flagsChanged(ServiceFlags(rawValue: UInt32(dice.next(4)) << 3)) }
            if dice.next(20) == 0 { farm.scheduler.tunablesChanged(tunables(&dice)) }
            let letter = Character(Unicode.Scalar(UInt8(65 + dice.next(12))))
            let settings = ServerSettings(
                weight: Int32([0, 1, 1, 2, 3, 7, 100, Int32.max][Int(dice.next(8))]),
                upperThreshold: UInt32([0, 0, 2, 5][Int(dice.next(4))]))
            switch (dice.next(6), farm.place(letter)) {
            case (0...1, nil): farm.add(letter, settings)
            case (0...1, _): try farm.edit(letter, settings)
            case (2, .some): try farm.remove(letter)
            case (3, _) where !farm.connections.isEmpty: farm.becomeInactive(Int(dice.next(UInt64(farm.connections.count))))
            case (4, _) where !farm.connections.isEmpty: farm.expire(Int(dice.next(UInt64(farm.connections.count))))
            default: farm.advance(to: farm.now + Int64(dice.next(3_000_000_000_000)))
            }
            let request = ServerFarm.request(dice.next(), at: farm.now)
            let usable = farm.order.indices.filter { farm.servers[$0].isUsable }
            for place in farm.order.indices {
                #expect(!farm.scheduler.score(of: place, for: request, in: farm.servers).isEmpty)
            }
            let overloadedBefore = farm.order.map { farm.pool[Int($0)].isOverloaded }
            guard let place = farm.connect(request) else {
                // Whoever weighs 256 or more has all slots of `sh`, and `ovf` stops at the weight.
                #expect(usable.isEmpty || ["dh", "ovf", "sh", "mh"].contains(name), "step \(step)")
                continue
            }
            #expect(farm.servers[place].weight > 0, "step \(step)")
            #expect(!overloadedBefore[place] || name == "lblc", "step \(step)")
        }
    }

    private func tunables(_ dice: inout SeededGenerator) -> Tunables {
        var tunables = Tunables()
        tunables.lblcExpiration = Int32(dice.next(5000)) - 100
        tunables.lblcrExpiration = Int32(dice.next(5000)) - 100
        return tunables
    }

    /// One server, more than `sh` has slots, more than `mh` has.
    @Test(arguments: names)
    func anyNumberOfServers(name: String) throws {
        let pool = Slab<RealServer>(capacity: 5000)
        for place in 0..<5000 {
            let key = ServerKey(address: IPAddress(v4: 0x0a02_0000 + UInt32(place)), port: 80)
            pool[place] = RealServer(key: key, settings: ServerSettings(weight: Int32(place % 3)), service: 0)
        }
        for count in [1, 2, 3, 255, 256, 257, 5000] {
            let scheduler = try #require(Schedulers.named(name, flags: .scheduler1))
            let servers = Candidates(order: (0..<ServerID(count)).reversed(), pool: pool.view)
            scheduler.serversChanged(.started, in: servers)
            for number in 0..<UInt64(30) {
                guard let place = scheduler.pick(for: ServerFarm.request(number &* 0x9e37_79b9_7f4a_7c15), from: servers) else {
                    // The first server has weight 0, and a slot of `dh` may be such a one's; `mh` refuses what its table cannot hold.
                    #expect(count == 1 || name == "dh" || name == "mh" && count > 4093, "\(count) servers")
                    continue
                }
                #expect((0..<count).contains(place) && servers[place].weight > 0, "\(count) servers: \(place)")
            }
        }
    }

    /// The kernel's own words for `wrr`, one level after the other, beside the one that skips levels.
    @Test func weightedRoundRobinTwin() throws {
        var dice = SeededGenerator(seed: 3)
        let farm = try ServerFarm("wrr")
        var twin = WalkingRoundRobin()
        for step in 0..<4000 {
            let letter = Character(Unicode.Scalar(UInt8(65 + dice.next(5))))
            if dice.next(12) == 0 {
                let settings = ServerSettings(weight: Int32(dice.next(9)) * Int32(1 + dice.next(3)))
                switch (farm.place(letter), dice.next(3)) {
                case (nil, _): farm.add(letter, settings)
                case (_, 0): try farm.remove(letter)
                default: try farm.edit(letter, settings)
                }
                twin.changed(farm.servers)
            }
            for place in farm.order.indices where dice.next(8) == 0 { farm.pool[Int(farm.order[place])].flags.insert(.overloaded) }
            for place in farm.order.indices where dice.next(4) == 0 { farm.pool[Int(farm.order[place])].flags.remove(.overloaded) }
            #expect(farm.scheduler.pick(for: ServerFarm.request(0), from: farm.servers) == twin.pick(farm.servers), "step \(step)")
        }
    }
}

/// `wrr` word by word: cl, cw, mw and di of the reference, the list walked level by level.
struct WalkingRoundRobin {
    var cl = -1, cw = 0, mw = 0, di = 1

    mutating func changed(_ servers: Candidates) {
        let weights = (0..<servers.count).map { Int(servers[$0].weight) }.filter { $0 > 0 }
        di = (1...max(weights.max() ?? 1, 1)).last { d in !weights.isEmpty && weights.allSatisfy { $0 % d == 0 } } ?? 1
        mw = (weights.max() ?? 0) - (di - 1)
        cl = -1
        if cw > mw || cw == 0 { cw = mw } else if di > 1 { cw = cw / di * di + 1 }
    }

    mutating func pick(_ servers: Candidates) -> Int? {
        if mw == 0 { return nil }
        let last = cl
        var place = cl, lastPass = false, restarted = false, stop = -1
        while true {
            place += 1
            while place < servers.count {
                if !servers[place].isOverloaded && Int(servers[place].weight) >= cw { cl = place; return place }
                if place == stop { cl = place; return nil }
                place += 1
            }
            place = -1
            cw -= di
            if cw <= 0 {
                cw = mw
                if lastPass || last == -1 { cl = -1; return nil }
                restarted = true
            }
            lastPass = cw <= di
            if lastPass && restarted { stop = last }
        }
    }
}
