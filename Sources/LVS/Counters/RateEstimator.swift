public import Wire

/// Rates as IPVS estimates them: every 2 s the rate of the last interval moves the average by a quarter of the way.
public struct RateEstimator: Hashable, Sendable, BitwiseCopyable {
    /// Nanoseconds between two ticks. The tick is global: a counter born between two counts as born at the earlier one.
    @inlinable public static var interval: Instant { 2 * second }

    /// Counters as of the last tick.
    private(set) var last = Counters()
    /// Averages in 1/1024 connections and packets a second and in 1/32 bytes a second.
    private(set) var average = Counters()

    public init() {}

    /// Takes the counters as they are at the end of an interval.
    public mutating func tick(_ counters: Counters) {
        let passed = counters - last
        last = counters
        average.connections = Self.moved(average.connections, towards: passed.connections &<< 9)
        average.packetsIn = Self.moved(average.packetsIn, towards: passed.packetsIn &<< 9)
        average.packetsOut = Self.moved(average.packetsOut, towards: passed.packetsOut &<< 9)
        average.bytesIn = Self.moved(average.bytesIn, towards: passed.bytesIn &<< 4)
        average.bytesOut = Self.moved(average.bytesOut, towards: passed.bytesOut &<< 4)
    }

    /// A quarter of the way, rounded down also when it goes down.
    private static func moved(_ average: UInt64, towards rate: UInt64) -> UInt64 {
        average &+ UInt64(bitPattern: Int64(bitPattern: rate &- average) >> 2)
    }

    /// Connections, packets and bytes a second, as they are shown.
    public var rates: Counters {
        var rates = Counters()
        rates.connections = (average.connections &+ 511) >> 10
        rates.packetsIn = (average.packetsIn &+ 511) >> 10
        rates.packetsOut = (average.packetsOut &+ 511) >> 10
        rates.bytesIn = (average.bytesIn &+ 15) >> 5
        rates.bytesOut = (average.bytesOut &+ 15) >> 5
        return rates
    }

    /// Where an estimator stands between two ticks.
    public struct Position: Hashable, Sendable {
        /// In 1/1024 connections and packets a second and in 1/32 bytes a second.
        public var average = Counters()
        /// What was counted since the last tick.
        public var passed = Counters()
        public init() {}
    }

    /// `live` are the counters as they stand.
    public func position(_ live: Counters) -> Position {
        var position = Position()
        position.average = average
        position.passed = live - last
        return position
    }

    /// Goes on where another estimator stood, whose counters need not have been `live`.
    public mutating func resume(from position: Position, _ live: Counters) {
        average = position.average
        last = live - position.passed
    }

    /// Begins again at rate 0, from the counters of the last tick on.
    public mutating func clear() { average = Counters() }
}

/// Counters as listings show them: those of the last tick, counted from the last `-Z`.
public struct ShownCounters: Hashable, Sendable, BitwiseCopyable {
    /// Counters as of the last tick, counted from the beginning.
    public private(set) var counters = Counters()
    private(set) var zero = Counters()
    private(set) var estimator = RateEstimator()

    public init() {}

    /// The 2-second tick; `live` are the counters as they stand.
    public mutating func tick(_ live: Counters) {
        counters = live
        estimator.tick(live)
    }

    /// `-Z`: what is shown becomes the new zero, and the rates are gone. What happened since the last tick is kept for the
    /// next one.
    public mutating func makeZero() {
        zero = counters
        estimator.clear()
    }

    func ratePosition(_ live: Counters) -> RateEstimator.Position { estimator.position(live) }
    mutating func resumeRates(from position: RateEstimator.Position, _ live: Counters) { estimator.resume(from: position, live) }

    public var statistics: Statistics { Statistics(counters: counters - zero, rates: estimator.rates) }
}
