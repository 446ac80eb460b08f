internal import LVS

/// The metrics of services and servers.
struct LoadMetrics {
    private typealias Row<Subject> = (subject: Subject, labels: MetricLabels)
    private var services: [Row<ObservedService>] = []
    private var servers: [Row<ServerLoad>] = []

    init(_ observed: [ObservedService]) {
        for service in observed {
            let name = ServiceName(service.load.key)
            services.append(
                (
                    service,
                    MetricLabels([
                        "local_address": name.address, "local_port": name.port, "local_mark": name.mark, "proto": name.proto,
                    ])
                ))
            for server in service.servers {
                let labels = MetricLabels([
                    "local_address": name.address, "local_port": name.port, "remote_address": "\(server.load.key.address)",
                    "remote_port": "\(server.load.key.port)", "proto": name.proto, "local_mark": name.mark,
                ])
                servers.append((server.load, labels))
            }
        }
    }

    func put(servers all: Bool, to text: inout MetricsText) {
        Self.put(
            "node_ipvs_backend_connections_active", .gauge, "The current active connections by local and remote address.", servers,
            to: &text
        ) { UInt64($0.active) }
        Self.put(
            "node_ipvs_backend_connections_inactive", .gauge, "The current inactive connections by local and remote address.", servers,
            to: &text
        ) { UInt64($0.inactive) }
        Self.put("node_ipvs_backend_weight", .gauge, "The current backend weight by local and remote address.", servers, to: &text) {
            UInt64(max($0.weight, 0))
        }
        Self.put("svs_service_servers", .gauge, "Servers of a service.", services, to: &text) { UInt64($0.servers.count) }
        Self.put(
            "svs_service_usable_servers", .gauge, "Servers of a service that take new connections.", services, to: &text
        ) { UInt64($0.usable) }
        Self.putTraffic("svs_service", "of a service", services, to: &text) { $0.load.statistics.counters }
        if all { Self.putTraffic("svs_server", "of a server", servers, to: &text) { $0.statistics.counters } }
    }

    private static func putTraffic<Subject>(
        _ prefix: String, _ whose: String, _ samples: [Row<Subject>], to text: inout MetricsText, _ counters: (Subject) -> Counters
    ) {
        put("\(prefix)_connections_total", .counter, "Connections \(whose).", samples, to: &text) { counters($0).connections }
        put("\(prefix)_incoming_packets_total", .counter, "Packets from clients \(whose).", samples, to: &text) { counters($0).packetsIn }
        put("\(prefix)_outgoing_packets_total", .counter, "Packets to clients \(whose).", samples, to: &text) { counters($0).packetsOut }
        put("\(prefix)_incoming_bytes_total", .counter, "Bytes from clients \(whose).", samples, to: &text) { counters($0).bytesIn }
        put("\(prefix)_outgoing_bytes_total", .counter, "Bytes to clients \(whose).", samples, to: &text) { counters($0).bytesOut }
    }

    private static func put<Subject>(
        _ name: String, _ kind: MetricsText.Kind, _ help: String, _ samples: [Row<Subject>], to text: inout MetricsText,
        _ value: (Subject) -> UInt64
    ) {
        text.begin(name, kind, help)
        for sample in samples { text.put(value(sample.subject), sample.labels) }
    }
}

/// A service as /proc/net/ip_vs and node_exporter name it.
struct ServiceName {
    var address = ""
    var port = "0"
    /// Eight hexadecimal digits; empty for a service with an address.
    var mark = ""
    var proto = "FWM"

    init(_ key: ServiceKey) {
        guard key.mark == 0 else {
            let digits = String(key.mark, radix: 16, uppercase: true)
            mark = String(repeating: "0", count: 8 - digits.count) + digits
            return
        }
        (address, proto) = ("\(key.address)", ServiceKey.protocolName(key.proto))
        port =
            key.ranges.isEmpty
            ? "\(key.port)"
            : key.ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
    }
}
