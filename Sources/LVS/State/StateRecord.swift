import Wire

/// A record of the state, which tells where its fields lie, so that a director for which they lie elsewhere can read it.
protocol StateRecord: BitwiseCopyable {
    /// What is kept of it. A name means the same for ever, as does its number of bytes: what means something else gets
    /// another name, and a field that an earlier director did not have is zero.
    static var fields: [StateField] { get }
}

/// One field of a record.
struct StateField: Hashable {
    var name: String
    /// Bytes from the record's beginning.
    var offset: Int
    var size: Int
    /// A number in the roster of this name, from 1 on; 0 for none.
    var roster: String?
}

extension StateRecord {
    static func field<Value: BitwiseCopyable>(_ name: String, _ path: KeyPath<Self, Value>, in roster: String? = nil) -> [StateField] {
        MemoryLayout<Self>.offset(of: path).map { [StateField(name: name, offset: $0, size: MemoryLayout<Value>.size, roster: roster)] }
            ?? []
    }

    /// The fields of a record within this one.
    static func record<Value: StateRecord>(_ name: String, _ path: KeyPath<Self, Value>) -> [StateField] {
        let start = MemoryLayout<Self>.offset(of: path) ?? 0
        return Value.fields.map {
            StateField(name: "\(name).\($0.name)", offset: start + $0.offset, size: $0.size, roster: $0.roster)
        }
    }
}

extension Connection: StateRecord {
    static var fields: [StateField] {
        let key =
            field("client", \.client) + field("clientPort", \.clientPort) + field("virtual", \.virtual)
            + field("virtualPort", \.virtualPort) + field("proto", \.proto) + field("mark", \.mark)
        let standing =
            field("state", \.state) + field("flags", \.flags) + field("expires", \.expires) + field("timeout", \.timeout)
            + field("packetsIn", \.packetsIn) + field("controller", \.controller)
        let way =
            field("server", \.server) + field("method", \.method) + field("serverAddress", \.serverAddress)
            + field("serverPort", \.serverPort) + field("localAddress", \.localAddress) + field("localPort", \.localPort)
        return key + standing + way + field("check", \.check)
    }
}

extension RealServer: StateRecord {
    static var fields: [StateField] {
        record("key", \.key) + record("settings", \.settings) + record("counters", \.counters) + field("lastWeight", \.lastWeight)
            + field("flags", \.flags) + field("home", \.home) + field("homeSequence", \.homeSequence)
    }
}

extension ServerKey: StateRecord {
    static var fields: [StateField] { field("address", \.address) + field("port", \.port) }
}

extension ServerSettings: StateRecord {
    static var fields: [StateField] {
        field("method", \.method) + field("weight", \.weight) + field("upperThreshold", \.upperThreshold)
            + field("lowerThreshold", \.lowerThreshold) + field("tunnel", \.tunnel) + field("tunnelPort", \.tunnelPort)
            + field("tunnelFlags", \.tunnelFlags)
    }
}

extension Counters: StateRecord {
    static var fields: [StateField] {
        field("connections", \.connections) + field("packetsIn", \.packetsIn) + field("packetsOut", \.packetsOut)
            + field("bytesIn", \.bytesIn) + field("bytesOut", \.bytesOut)
    }
}

extension ShownCounters: StateRecord {
    static var fields: [StateField] { record("counters", \.counters) + record("zero", \.zero) + record("estimator", \.estimator) }
}

extension RateEstimator: StateRecord {
    static var fields: [StateField] { record("last", \.last) + record("average", \.average) }
}

extension ServiceSlot: StateRecord {
    static var fields: [StateField] {
        let key =
            field("address", \.address) + field("port", \.port) + field("mark", \.mark) + field("proto", \.proto)
            + field("version", \.version) + field("rangeCount", \.rangeCount) + field("check", \.check)
        return key + field("isUsed", \.isUsed) + field("sequence", \.sequence) + field("nextLocalAddress", \.nextLocalAddress)
            + record("estimator", \.estimator) + record("note", \.note)
    }
}

extension SchedulerNote: StateRecord {
    static var fields: [StateField] {
        field("scheduler", \.scheduler, in: "schedulers") + field("positionCount", \.positionCount) + field("timeCount", \.timeCount)
            + field("positions", \.positions) + field("times", \.times)
    }
}

extension OuterHeader: StateRecord {
    static var fields: [StateField] { field("generation", \.generation) + field("id", \.id) }
}

extension ClientStream: StateRecord {
    static var fields: [StateField] {
        field("option", \.option) + field("hasServerStart", \.hasServerStart) + field("isHeaderSent", \.isHeaderSent)
            + field("isHeaderTaken", \.isHeaderTaken) + field("segmentLimit", \.segmentLimit) + field("clientStart", \.clientStart)
            + field("serverStart", \.serverStart)
    }
}

extension TemplateData: StateRecord {
    static var fields: [StateField] { field("engine", \.engine, in: "engines") + field("count", \.count) + field("bytes", \.bytes) }
}

extension RememberedAddress: StateRecord {
    static var fields: [StateField] {
        field("isUsed", \.isUsed) + field("service", \.service) + field("address", \.address) + field("serverCount", \.serverCount)
            + field("timeCount", \.timeCount) + field("times", \.times) + field("servers", \.servers)
    }
}

extension LearnedMTU: StateRecord {
    static var fields: [StateField] {
        field("isUsed", \.isUsed) + field("mtu", \.mtu) + field("address", \.address) + field("until", \.until)
    }
}

extension PortRecord: StateRecord {
    static var fields: [StateField] {
        field("isUsed", \.isUsed) + field("next", \.next) + field("proto", \.proto) + field("local", \.local) + record("server", \.server)
    }
}

extension StateLimits: StateRecord {
    static var fields: [StateField] {
        field("connections", \.connections) + field("servers", \.servers) + field("services", \.services)
            + field("remembered", \.remembered) + field("ports", \.ports) + field("sequence", \.sequence)
    }
}

extension StateProgress: StateRecord {
    static var fields: [StateField] {
        let due =
            field("nextEstimate", \.nextEstimate) + field("nextSecond", \.nextSecond) + field("nextTrash", \.nextTrash)
            + field("nextFlush", \.nextFlush)
        return field("now", \.now) + field("generator", \.generator) + due + field("clampedSYNs", \.clampedSYNs)
            + record("total", \.total) + record("shown", \.shown)
    }
}

extension DoubleBuffer: StateRecord where Record: StateRecord {
    static var fields: [StateField] { field("turn", \.turn) + record("even", \.even) + record("odd", \.odd) }
}

extension UInt32: StateRecord {
    static var fields: [StateField] { [StateField(name: "value", offset: 0, size: 4)] }
}

extension UInt64: StateRecord {
    static var fields: [StateField] { [StateField(name: "value", offset: 0, size: 8)] }
}
