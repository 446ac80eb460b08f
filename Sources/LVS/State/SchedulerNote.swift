import Wire

/// What a scheduler knows, as far as it is a few numbers: where it stands in its circle, when it ticks.
struct SchedulerNote: BitwiseCopyable {
    static let positionLimit = 4
    static let timeLimit = 2

    /// The scheduler's number in the roster, from 1 on.
    private(set) var scheduler: UInt8 = 0
    private(set) var positionCount: UInt8 = 0
    private(set) var timeCount: UInt8 = 0
    private(set) var positions = InlineArray<4, Int64>(repeating: 0)
    /// Moments of the director's clock.
    private(set) var times = InlineArray<2, Instant>(repeating: 0)

    init() {}

    /// Of a scheduler that knows more numbers than a note takes nothing is noted.
    init(_ memory: SchedulerMemory, of scheduler: any Scheduler, at now: Instant) {
        guard memory.position.count <= Self.positionLimit, memory.times.count <= Self.timeLimit else { return }
        self.scheduler = Self.number(of: scheduler)
        positionCount = UInt8(memory.position.count)
        timeCount = UInt8(memory.times.count)
        for (place, position) in memory.position.enumerated() { positions[place] = Int64(position) }
        for (place, time) in memory.times.enumerated() { times[place] = now &+ time }
    }

    /// What a scheduler goes on from; `nil` when the note is another kind's.
    func memory(for scheduler: any Scheduler, at now: Instant) -> SchedulerMemory? {
        guard self.scheduler == Self.number(of: scheduler), Int(positionCount) <= Self.positionLimit, Int(timeCount) <= Self.timeLimit
        else { return nil }
        return SchedulerMemory(
            position: (0..<Int(positionCount)).map { Int(positions[$0]) }, times: (0..<Int(timeCount)).map { times[$0] &- now })
    }

    private static func number(of scheduler: any Scheduler) -> UInt8 {
        for (place, kind) in Schedulers.roster.enumerated() where kind == type(of: scheduler) { return UInt8(place + 1) }
        return 0
    }
}
