import LVS
import Testing

/// Runs of 6.1.176, read every 2 s; 6.1.192 computes the same.
@Suite struct RateEstimatorTests {
    @Test func fortyConnectionsFade() {
        var live = Counters()
        live.connections = 40
        live.packetsIn = 40
        live.bytesIn = 1600
        var estimator = RateEstimator()
        var shown: [[UInt64]] = []
        for _ in 0..<6 {
            estimator.tick(live)
            let rates = estimator.rates
            shown.append([rates.connections, rates.packetsIn, rates.bytesIn])
            #expect(rates.packetsOut == 0 && rates.bytesOut == 0)
        }
        #expect(shown == [[5, 5, 200], [4, 4, 150], [3, 3, 112], [2, 2, 84], [2, 2, 63], [1, 1, 47]])
    }

    @Test func bigPackets() {
        var live = Counters()
        live.connections = 1
        live.packetsIn = 1800
        live.bytesIn = 1800 * 60028
        live.packetsOut = 1800
        live.bytesOut = 1800 * 60028
        var estimator = RateEstimator()
        estimator.tick(live)
        let rates = estimator.rates
        #expect([rates.connections, rates.packetsIn, rates.bytesIn] == [0, 225, 13_506_300])
        #expect([rates.packetsOut, rates.bytesOut] == [225, 13_506_300])
    }

    /// A steady stream is shown as it is, and silence ends at 0.
    @Test func steadyAndSilent() {
        var live = Counters()
        var estimator = RateEstimator()
        for _ in 0..<60 {
            live.packetsOut += 2000
            estimator.tick(live)
        }
        #expect(estimator.rates.packetsOut == 1000)
        for _ in 0..<60 { estimator.tick(live) }
        #expect(estimator.rates == Counters())
    }

    /// Counters that wrap or jump back do not trap.
    @Test func anyCounters() {
        var estimator = RateEstimator()
        for value in [.max, 0, 5, .max / 2, 1] as [UInt64] {
            var live = Counters()
            live.bytesIn = value
            live.connections = value
            estimator.tick(live)
            #expect(estimator.rates.bytesIn <= .max >> 5)
            #expect(estimator.rates.connections <= .max >> 10)
        }
    }

    /// What is shown lags until the tick; `-Z` takes what is shown as zero, so what was not shown yet comes later.
    @Test func shownSinceZero() {
        var live = Counters()
        var shown = ShownCounters()
        live.packetsIn = 100
        #expect(shown.statistics == Statistics())
        shown.tick(live)
        #expect(shown.statistics.counters.packetsIn == 100)
        #expect(shown.statistics.rates.packetsIn == 12)
        live.packetsIn = 130
        shown.makeZero()
        #expect(shown.statistics == Statistics())
        #expect(shown.counters.packetsIn == 100)
        shown.tick(live)
        #expect(shown.statistics.counters.packetsIn == 30)
        #expect(shown.statistics.rates.packetsIn == 4)
    }
}
