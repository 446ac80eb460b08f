import PacketKit
import Testing
import Wire

@testable import LVS

/// The timer wheel beside a sorted list: never early, at most one tick late, tick by tick in order.
@Suite struct TimerWheelTests {
    private static let tick: Instant = 1 << TimerWheel.tickShift

    /// Clocks that start just before each level of the wheel comes round, and where the numbers of ticks overflow 32 bits.
    @Test(arguments: [0, 1 << 9, 1 << 17, 1 << 23, 1 << 29, 1 << 31, 1 << 32, 1 << 36] as [Instant])
    func besideASortedList(ticks: Instant) {
        var twin = WheelTwin(seed: UInt64(ticks) &+ 17, at: max(0, ticks - 300) << TimerWheel.tickShift)
        for step in 0..<8000 {
            if let fault = twin.step() {
                Issue.record("clock from \(ticks) ticks on, step \(step): \(fault)")
                return
            }
        }
        let fault = twin.empty(), fired = twin.fired
        #expect(fault == nil && fired > 2000)
    }

    @Test("Armed for any time, it fires in the tick behind it, whether the clock walks or jumps", arguments: [false, true])
    func everyDistance(jumps: Bool) {
        let pool = Slab<Connection>(capacity: 1)
        var wheel = TimerWheel(pool: pool.view, at: 12_345)
        var now: Instant = 12_345
        var due: [ConnectionID] = []
        let minutes = [0, 1, 16_777_215, 16_777_216, 4_294_967_295, 4_294_967_296, 900_000_000_000, 5_000_000_000_000] as [Instant]
        // A week, a persistence timeout of a month, the longest of --set; the wheel's horizon lies at 52 days.
        let days = [604_800, 2_678_400, 4_503_599, 4_503_600, 4_600_000, 21_474_836].map { $0 * 1_000_000_000 } as [Instant]
        for distance in minutes + (jumps ? days : []) {
            pool[0].expires = now + distance
            wheel.file(0)
            let last = (pool[0].expires >> TimerWheel.tickShift + 1) << TimerWheel.tickShift - 1
            let steps = jumps ? [last] : stride(from: now, to: last, by: Int(max(distance / 7, 5_000_000))).map { $0 } + [last]
            for moment in steps {
                let isDone = wheel.advance(to: moment, &due)
                #expect(isDone && due.isEmpty, "\(distance) ns: early at \(moment - now)")
            }
            let isDone = wheel.advance(to: last + 1, &due)
            #expect(isDone && due == [0], "\(distance) ns: late")
            let isFiled = pool[0].isFiled
            #expect(!isFiled)
            due.removeAll()
            now = last + 1
        }
    }

    @Test("With a limit the rest waits for the next call, in order")
    func limited() {
        let pool = Slab<Connection>(capacity: 100)
        var wheel = TimerWheel(pool: pool.view, at: 0)
        for id in 0..<100 {
            pool[id].expires = Instant(99 - id) * Self.tick
            wheel.file(ConnectionID(id))
        }
        var all: [ConnectionID] = []
        for call in 1...10 {
            var due: [ConnectionID] = []
            let isDone = wheel.advance(to: 200 * Self.tick, limit: 11, &due)
            #expect(isDone == (call == 10) && due.count == (call == 10 ? 1 : 11))
            all += due
        }
        #expect(all == (0..<100).reversed().map { ConnectionID($0) })
    }
}

/// A wheel over 400 timers, and a list of them sorted by deadline.
struct WheelTwin: ~Copyable {
    private let pool = Slab<Connection>(capacity: 400)
    private var wheel: TimerWheel
    private var dice: SeededGenerator
    private var now: Instant
    private var list: [(deadline: Instant, id: ConnectionID)] = []
    private var deadlines = [Instant](repeating: -1, count: 400)
    /// Tick from which each timer can fire at the earliest: that of its deadline's end, or of its arming if that was later.
    private var earliest = [Instant](repeating: 0, count: 400)
    private var isPending = false
    private(set) var fired = 0

    private static var shift: Int64 { TimerWheel.tickShift }

    init(seed: UInt64, at now: Instant) {
        wheel = TimerWheel(pool: pool.view, at: now)
        dice = SeededGenerator(seed: seed)
        self.now = now
    }

    /// Times of every magnitude, up to 248 days.
    private mutating func time() -> Instant {
        let limit = [1, 20_000_000, 500_000_000, 60_000_000_000, 900_000_000_000, 90_000_000_000_000, 21_474_836_000_000_000] as [UInt64]
        return Instant(dice.next(limit[Int(dice.next(7))]))
    }

    mutating func step() -> String? {
        let id = ConnectionID(dice.next(400))
        switch dice.next(1000) {
        case 0..<400: arm(id)
        case 400..<480: if deadlines[Int(id)] >= 0 { cancel(id) }
        case 480..<970: return advance(by: Instant(dice.next(100_000_000)))
        case 970..<998: return advance(by: Instant(dice.next(20_000_000_000)))
        case 998: return advance(by: Instant(dice.next(600_000_000_000)))
        // Further than the wheel walks: 2^23 ticks are 19 hours and a half.
        default: return advance(by: 70_369_000_000_000 + time())
        }
        return nil
    }

    /// Arms a timer, or moves its deadline: further away it is left where it is filed, as a packet would.
    private mutating func arm(_ id: ConnectionID) {
        let wasArmed = deadlines[Int(id)] >= 0
        if wasArmed { strike(id) }
        deadlines[Int(id)] = now + time()
        pool[Int(id)].expires = deadlines[Int(id)]
        if wasArmed { wheel.refileIfEarlier(id) } else { wheel.file(id) }
        earliest[Int(id)] = max(deadlines[Int(id)] >> Self.shift + 1, now >> Self.shift)
        let entry = (deadline: deadlines[Int(id)], id: id)
        list.insert(entry, at: place { $0.deadline > entry.deadline })
    }

    private mutating func cancel(_ id: ConnectionID) {
        wheel.unfile(id)
        strike(id)
    }

    private mutating func strike(_ id: ConnectionID) {
        let deadline = deadlines[Int(id)]
        var at = place { $0.deadline >= deadline }
        while list[at].id != id { at += 1 }
        list.remove(at: at)
        deadlines[Int(id)] = -1
    }

    private func place(where isBehind: ((deadline: Instant, id: ConnectionID)) -> Bool) -> Int {
        var low = 0, high = list.count
        while low < high {
            let middle = (low + high) / 2
            if isBehind(list[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private mutating func advance(by time: Instant) -> String? {
        let isLeap = (now + time) >> Self.shift - now >> Self.shift > TimerWheel.longJump
        now += time
        let limit = dice.next(10) == 0 ? Int(1 + dice.next(5)) : Int.max
        var due: [ConnectionID] = []
        let isComplete = wheel.advance(to: now, limit: limit, &due)
        var last: Instant = 0
        for id in due {
            let deadline = deadlines[Int(id)]
            guard deadline >= 0 else { return "timer \(id) fired and is not armed" }
            guard deadline >> Self.shift < now >> Self.shift else { return "timer \(id) fired \(deadline - now) ns before its tick's end" }
            // A leap further than the wheel walks, or what it left for later, comes all at once.
            if !isLeap, !isPending {
                guard earliest[Int(id)] >= last else { return "timer \(id) of tick \(earliest[Int(id)]) fired behind tick \(last)" }
                last = earliest[Int(id)]
            }
            guard pool[Int(id)].wheelSlot == 0 else { return "timer \(id) fired and is still filed" }
            strike(id)
        }
        fired += due.count
        isPending = !isComplete
        if !isComplete { return due.count == limit ? nil : "stopped after \(due.count) with a limit of \(limit)" }
        if let first = list.first, first.deadline >> Self.shift < now >> Self.shift {
            return "timer \(first.id) is \(now - first.deadline) ns late"
        }
        return nil
    }

    /// Lets all that is armed fire.
    mutating func empty() -> String? {
        while let last = list.last {
            if let fault = advance(by: last.deadline - now + 70_369_000_000_000) { return fault }
        }
        return nil
    }
}
