/// Prometheus's text format, written line by line.
struct MetricsText {
    private(set) var bytes: [UInt8] = []
    private var name = ""

    enum Kind: String { case counter, gauge, histogram }

    /// Begins a metric: what it is, in a sentence.
    mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        bytes += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n".utf8
    }

    /// A sample of the metric that was begun last.
    mutating func put(_ value: UInt64, _ labels: MetricLabels = MetricLabels()) { put("", labels, "\(value)") }

    mutating func put(_ suffix: String, _ labels: MetricLabels = MetricLabels(), _ value: String) {
        bytes += name.utf8
        bytes += suffix.utf8
        bytes += labels.bytes
        bytes.append(UInt8(ascii: " "))
        bytes += value.utf8
        bytes.append(UInt8(ascii: "\n"))
    }

    /// A metric of one sample.
    mutating func put(_ name: String, _ kind: Kind, _ help: String, _ value: UInt64) {
        begin(name, kind, help)
        put(value)
    }

    /// Nanoseconds as seconds, as exactly as they are.
    static func seconds(_ nanoseconds: UInt64) -> String {
        let rest = "\(nanoseconds % 1_000_000_000)", digits = String(repeating: "0", count: 9 - rest.count) + rest
        let needed = digits.reversed().drop { $0 == "0" }.reversed()
        return "\(nanoseconds / 1_000_000_000)" + (needed.isEmpty ? "" : ".") + String(needed)
    }
}

/// The labels of a sample, written once for all metrics that have them.
struct MetricLabels {
    private(set) var bytes: [UInt8] = []

    init() {}

    init(_ labels: KeyValuePairs<String, String>) {
        bytes = Array("{".utf8)
        for (name, value) in labels {
            if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
            bytes += name.utf8
            bytes += "=\"".utf8
            for byte in value.utf8 {
                switch byte {
                case UInt8(ascii: "\\"): bytes += "\\\\".utf8
                case UInt8(ascii: "\""): bytes += "\\\"".utf8
                case UInt8(ascii: "\n"): bytes += "\\n".utf8
                default: bytes.append(byte)
                }
            }
            bytes.append(UInt8(ascii: "\""))
        }
        bytes.append(UInt8(ascii: "}"))
    }
}
