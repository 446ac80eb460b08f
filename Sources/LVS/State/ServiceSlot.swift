import Wire

/// What outlives the director of one virtual service, by its place: which one it is, and how far it was.
struct ServiceSlot: BitwiseCopyable {
    /// Port ranges that a service may have.
    static let maximumRanges = 1024

    /// 1 when it is a service's, stored last; one that was removed keeps it while servers in the trash know it.
    var isUsed: UInt32 = 0
    private(set) var mark: UInt32 = 0
    private(set) var address = IPAddress(high: 0, low: 0)
    private(set) var port: UInt16 = 0
    private(set) var rangeCount: UInt16 = 0
    private(set) var proto: UInt8 = 0
    private(set) var version: UInt8 = 0
    /// Over the identity.
    private(set) var check: UInt64 = 0
    /// The service's number, which grows with each that is made.
    var sequence: UInt64 = 0
    /// FULLNAT: place of the local address that the next connection tries first.
    var nextLocalAddress: Int64 = 0
    var estimator = ShownCounters()
    var note = DoubleBuffer(SchedulerNote())

    /// The slot of a service, its ranges aside.
    init(_ key: ServiceKey) {
        mark = key.mark
        address = key.address
        port = key.port
        rangeCount = UInt16(key.ranges.count)
        proto = key.proto
        version = key.family.rawValue
        check = Self.check(of: key)
    }

    private static func check(of key: ServiceKey) -> UInt64 {
        StateCheck.of(
            [
                UInt64(key.mark), key.address.high, key.address.low,
                UInt64(key.port) | UInt64(key.proto) << 16 | UInt64(key.family.rawValue) << 24,
            ] + key.ranges.map { UInt64(word($0)) })
    }

    /// A range as it is kept.
    static func word(_ range: ClosedRange<UInt16>) -> UInt32 { UInt32(range.lowerBound) << 16 | UInt32(range.upperBound) }

    /// The service's identity; `nil` when it does not make sense.
    func key(_ words: SlabView<UInt32>, at place: Int32) -> ServiceKey? {
        guard let family = IPFamily(rawValue: version), Int(rangeCount) <= Self.maximumRanges else { return nil }
        var ranges: [ClosedRange<UInt16>] = []
        for index in 0..<Int(rangeCount) {
            let word = words[Int(place) * Self.maximumRanges + index]
            let low = UInt16(word >> 16), high = UInt16(truncatingIfNeeded: word)
            guard low <= high else { return nil }
            ranges.append(low...high)
        }
        var key = ServiceKey(proto: proto, address: address, port: port, ranges: ranges)
        if mark != 0 { key = ServiceKey(mark: mark, family: family) }
        key.family = family
        return Self.check(of: key) == check ? key : nil
    }
}
