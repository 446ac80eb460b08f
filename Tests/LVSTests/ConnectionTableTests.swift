import PacketKit
import Testing
import Wire

@testable import LVS

/// The connection table beside a list of who is in it: a million steps of a fixed seed, which a failure names.
@Suite struct ConnectionTableTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func aQuarterOfAMillionSteps(seed: UInt64) {
        var twin = ConnectionTwin(seed: seed)
        for step in 0..<250_000 {
            if let fault = twin.step() ?? (step % 25_000 == 0 ? twin.audit() : nil) {
                Issue.record("seed \(seed), step \(step): \(fault)")
                return
            }
        }
        let fault = twin.audit(), done = twin.done
        #expect(fault == nil)
        // All of it took place.
        #expect(done.allSatisfy { $0.value > 100 } && done.count == 7, "\(done)")
    }

    @Test func aFullTableTakesNothingAndForgetsNothing() {
        var table = ConnectionTable(capacity: 100, seed: 9)
        func connection(_ number: Int) -> Connection {
            Connection(
                client: IPAddress(v4: 0xc000_0201), clientPort: UInt16(number), virtual: IPAddress(v4: 0xcb00_710a), virtualPort: 80,
                proto: IPProtocol.tcp, serverAddress: IPAddress(v4: 0x0a02_000b), serverPort: 80, method: .directRouting)
        }
        func found(_ number: Int, in table: borrowing ConnectionTable) -> ConnectionID {
            let flow = Flow(
                source: IPAddress(v4: 0xc000_0201), sourcePort: UInt16(number), destination: IPAddress(v4: 0xcb00_710a),
                destinationPort: 80, proto: IPProtocol.tcp)
            return table.find(flow).id
        }
        var ids: [ConnectionID?] = []
        for number in 0...100 { ids.append(table.insert(connection(number))) }
        #expect(ids == (0..<100).map { $0 } + [nil])
        let count = table.count, places = (0...100).map { found($0, in: table) }
        #expect(count == 100 && places == (0..<100).map { $0 } + [-1])
        table.remove(40)
        let gone = found(40, in: table), reused = table.insert(connection(100)), there = found(100, in: table),
            refused = table.insert(connection(101))
        #expect(gone == -1 && reused == 40 && there == 40 && refused == nil)
    }
}

/// A table with its timer wheel, and beside it what must be in both.
///
/// Connections come from a fixed list of 3000, drawn from few addresses and ports so that they meet: of both families, of
/// all methods, some templates, some with the same endpoints, some whose requests look like the replies of others.
struct ConnectionTwin: ~Copyable {
    private var table: ConnectionTable
    private var wheel: TimerWheel
    private var dice: SeededGenerator
    private var now: Instant = 5_000_000_000
    private let members: [Connection]
    /// Distinct flows with their hashes, and which members each one belongs to.
    private var flows: [Flow] = []
    private var hashes: [UInt32] = []
    private var owners: [[(member: Int, isReply: Bool)]] = []
    /// Where each member is in the table, -1 when it is not; who is at each place; when each one expires.
    private var places: [ConnectionID]
    private var residents: [Int]
    private var deadlines: [Instant]
    private var count = 0
    private var due: [ConnectionID] = []
    /// How often each kind of step was taken.
    private(set) var done: [String: Int] = [:]

    private static let capacity = 1024

    init(seed: UInt64) {
        table = ConnectionTable(capacity: Self.capacity, seed: seed)
        wheel = TimerWheel(pool: table.pool, at: now)
        dice = SeededGenerator(seed: seed)
        var list: [Connection] = []
        for number in 0..<3000 { list.append(Self.member(number, &dice)) }
        members = list
        places = Array(repeating: -1, count: list.count)
        residents = Array(repeating: -1, count: Self.capacity)
        deadlines = Array(repeating: 0, count: list.count)
        var known: [Flow: Int] = [:]
        for (number, entry) in list.enumerated() where !entry.flags.contains(.template) {
            let request = Flow(
                source: entry.client, sourcePort: entry.clientPort, destination: entry.virtual,
                destinationPort: entry.virtualPort, proto: entry.proto)
            let reply =
                switch entry.method {
                case .masquerading:
                    Flow(
                        source: entry.serverAddress, sourcePort: entry.serverPort, destination: entry.client,
                        destinationPort: entry.clientPort, proto: entry.proto)
                case .fullNAT:
                    Flow(
                        source: entry.serverAddress, sourcePort: entry.serverPort, destination: entry.localAddress,
                        destinationPort: entry.localPort, proto: entry.proto)
                default: request.reversed
                }
            for (flow, isReply) in [(request, false), (reply, true)] {
                if known[flow] == nil {
                    known[flow] = flows.count
                    flows.append(flow)
                    hashes.append(table.hash(flow))
                    owners.append([])
                }
                owners[known[flow] ?? 0].append((number, isReply))
            }
        }
    }

    private static func member(_ number: Int, _ dice: inout SeededGenerator) -> Connection {
        let isV4 = number % 2 == 0
        func address(_ last: UInt64) -> IPAddress {
            isV4 ? IPAddress(v4: 0x0a00_0000 + UInt32(last)) : IPAddress(high: 0x2001_0db8_0000_0000 + last << 8, low: last)
        }
        let proto = [IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp][Int(dice.next(3))]
        let method = [ForwardingMethod.directRouting, .tunneling, .masquerading, .fullNAT][Int(dice.next(4))]
        let isTemplate = dice.next(8) == 0
        // A client may have a virtual address's number.
        var entry = Connection(
            client: address(dice.next(30)), clientPort: isTemplate ? 0 : UInt16(79 + dice.next(9)),
            virtual: address(25 + dice.next(5)), virtualPort: UInt16(80 + dice.next(3)), proto: proto,
            serverAddress: address(100 + dice.next(4)), serverPort: UInt16(80 + dice.next(2)), method: method,
            flags: isTemplate ? .template : [])
        if method == .fullNAT {
            entry.localAddress = address(200 + dice.next(2))
            entry.localPort = UInt16(1025 + number)
        }
        return entry
    }

    /// One step; what went wrong, if anything did.
    mutating func step() -> String? {
        let member = Int(dice.next(UInt64(members.count)))
        switch dice.next(100) {
        case 0..<22: return insert(member)
        case 22..<32: return remove(member)
        case 32..<42: return touch(member)
        case 42..<43: return pass(Instant(dice.next(300_000_000)))
        case 43..<50 where members[member].flags.contains(.template): return findTemplate(member)
        default: return find(Int(dice.next(UInt64(flows.count))))
        }
    }

    private mutating func insert(_ member: Int) -> String? {
        guard places[member] < 0 else { return nil }
        let id = table.insert(members[member])
        guard count < Self.capacity else {
            done["full", default: 0] += 1
            return id == nil ? nil : "a full table took \(member)"
        }
        guard let id, residents[Int(id)] < 0 else { return "\(member) got no place, or a taken one" }
        done["insert", default: 0] += 1
        count += 1
        places[member] = id
        residents[Int(id)] = member
        expire(member, in: Instant(dice.next(60_000_000_000)))
        wheel.file(id)
        return table.count == count ? nil : "\(table.count) are there, not \(count)"
    }

    private mutating func expire(_ member: Int, in time: Instant) {
        deadlines[member] = now + time
        table[places[member]].expires = deadlines[member]
    }

    private mutating func remove(_ member: Int) -> String? {
        guard places[member] >= 0 else { return nil }
        done["remove", default: 0] += 1
        wheel.unfile(places[member])
        leave(member)
        return nil
    }

    private mutating func leave(_ member: Int) {
        table.remove(places[member])
        residents[Int(places[member])] = -1
        places[member] = -1
        count -= 1
    }

    private mutating func touch(_ member: Int) -> String? {
        guard places[member] >= 0 else { return nil }
        done["touch", default: 0] += 1
        expire(member, in: Instant(dice.next(60_000_000_000)))
        wheel.refileIfEarlier(places[member])
        return nil
    }

    private mutating func pass(_ time: Instant) -> String? {
        now += time
        due.removeAll(keepingCapacity: true)
        guard wheel.advance(to: now, &due) else { return "the wheel stopped without a limit" }
        for id in due {
            let member = residents[Int(id)]
            guard member >= 0 else { return "place \(id) expired and is empty" }
            guard deadlines[member] <= now else { return "\(member) expired \(deadlines[member] - now) ns early" }
            done["expire", default: 0] += 1
            leave(member)
        }
        return nil
    }

    private mutating func find(_ flow: Int) -> String? {
        done["find", default: 0] += 1
        let match = table.find(flows[flow], hash: hashes[flow])
        var isExpected = match.id < 0
        for owner in owners[flow] where places[owner.member] >= 0 {
            if match.id < 0 { return "\(flows[flow]) was not found" }
            if places[owner.member] == match.id && owner.isReply == match.isReply {
                isExpected = true
                break
            }
        }
        return isExpected ? nil : "\(flows[flow]) was found at \(match), where it is not"
    }

    private mutating func findTemplate(_ member: Int) -> String? {
        done["template", default: 0] += 1
        let wanted = members[member]
        let found = table.findTemplate(client: wanted.client, virtual: wanted.virtual, virtualPort: wanted.virtualPort, proto: wanted.proto)
        guard let found else { return places[member] < 0 ? nil : "template \(member) was not found" }
        let entry = residents[Int(found)] >= 0 ? members[residents[Int(found)]] : nil
        let isRight = entry.map {
            $0.flags.contains(.template) && $0.client == wanted.client && $0.virtual == wanted.virtual
                && $0.virtualPort == wanted.virtualPort && $0.proto == wanted.proto
        }
        return isRight == true ? nil : "template \(member) was found at \(found), where it is not"
    }

    /// Every flow, every place, and nobody overdue by more than a tick of the wheel.
    mutating func audit() -> String? {
        for flow in flows.indices { if let fault = find(flow) { return fault } }
        for member in members.indices where members[member].flags.contains(.template) {
            if let fault = findTemplate(member) { return fault }
        }
        for (member, id) in places.enumerated() where id >= 0 {
            let entry = table[id]
            guard entry.client == members[member].client, entry.clientPort == members[member].clientPort, entry.isFiled,
                entry.expires == deadlines[member]
            else { return "\(member) at \(id) was changed" }
            if deadlines[member] + 1 << TimerWheel.tickShift <= now - 300_000_000 { return "\(member) is overdue" }
        }
        return table.count == count && Int(table.highWater) <= Self.capacity ? nil : "the table counts wrongly"
    }
}
