internal import Admin
internal import LVS

/// A director's metrics: `node_ipvs_*` by the names and labels that Prometheus's node_exporter gives the kernel's IPVS, so that what is
/// made for those works, and `svs_*`.
struct Metrics {
    private(set) var text = MetricsText()

    /// - Parameter servers: the traffic of each server too.
    init(_ view: Observer.View, servers: Bool) {
        text.put("svs_up", .gauge, "Whether the director answers.", view.failure == nil && view.observation != nil ? 1 : 0)
        guard let observation = view.observation else { return }
        text.begin("svs_answer_age_seconds", .gauge, "Time since the director told what is told here.")
        text.put("", MetricLabels(), "\(view.age(at: Observer.now))")
        text.begin("svs_answer_seconds", .gauge, "Time that the director's last answer took.")
        text.put("", MetricLabels(), MetricsText.seconds(UInt64(max(observation.took, 0))))
        putDirector(observation.status)
        putInterfaces(observation.status)
        putVerdicts(observation.status)
        putSteps(observation.status.controlSteps)
        putTotals(observation.status.sums)
        LoadMetrics(observation.services).put(servers: servers, to: &text)
    }

    private mutating func putDirector(_ status: DirectorStatus) {
        text.begin("svs_info", .gauge, "The program that runs.")
        text.put(1, MetricLabels(["version": status.version]))
        text.put("svs_uptime_seconds", .gauge, "Time since the director began.", status.uptime)
        text.put("svs_services", .gauge, "Virtual services.", status.services)
        text.put("svs_servers", .gauge, "Real servers of all services.", status.servers)
        text.put("svs_connections", .gauge, "Connections and templates in the table.", status.connections)
        text.put("svs_connections_limit", .gauge, "Connections and templates that the table can hold.", status.capacity)
        text.put("svs_connections_carried", .gauge, "Connections that an earlier director left to this one.", status.carried)
        text.begin("svs_gave_way_total", .counter, "Entries of a full table that gave way to others, by what they were.")
        for kind in ["half-open", "one-way", "template"] {
            text.put(status.gaveWay.first { $0.name == kind }?.number ?? 0, MetricLabels(["kind": kind]))
        }
        if let carrying = status.carrying { put(carrying) }
        text.begin("svs_virtual_address", .gauge, "Virtual addresses and who has each: host, director or nobody.")
        for one in status.addresses { text.put(1, MetricLabels(["address": one.address, "holder": one.holder])) }
        text.begin("svs_failing_neighbor_servers", .gauge, "Servers behind each neighbour that does not answer for its MAC.")
        for one in status.failing {
            text.put(UInt64(one.servers), MetricLabels(["address": one.address, "interface": one.interface]))
        }
        text.begin("svs_sync_daemon", .gauge, "Synchronisation daemons that run.")
        for daemon in status.daemons {
            let words = daemon.split(separator: " ").map(String.init)
            guard words.count == 3 else { continue }
            text.put(1, MetricLabels(["role": words[0], "interface": words[1], "syncid": words[2]]))
        }
        text.put("svs_faults", .gauge, "What svs status --check finds.", UInt64(status.faults.count))
    }

    private mutating func put(_ carrying: DirectorStatus.Carrying) {
        text.put("svs_flows_carried", .gauge, "Flows that the kernel carries past the director.", carrying.flows)
        text.put("svs_frames_carried_total", .counter, "Frames that the kernel carried past the director.", carrying.frames)
        text.put("svs_flows_handed_over_total", .counter, "Flows that the kernel was told to carry.", carrying.handedOver)
        text.begin("svs_flows_taken_back_total", .counter, "Flows that the kernel was told to carry no more, by why.")
        for reason in TakeBackReason.allCases {
            let number = carrying.takenBack.first { $0.name == reason.rawValue }?.number ?? 0
            text.put(number, MetricLabels(["reason": reason.rawValue]))
        }
    }

    private mutating func putInterfaces(_ status: DirectorStatus) {
        text.begin("svs_interface_up", .gauge, "Whether an interface is up and has a carrier.")
        for one in status.interfaces { text.put(one.state == .up ? 1 : 0, MetricLabels(["interface": one.name])) }
        text.begin("svs_interface_received_frames_total", .counter, "Frames that were taken from an interface.")
        for one in status.interfaces { text.put(one.received, MetricLabels(["interface": one.name])) }
        text.begin("svs_interface_sent_frames_total", .counter, "Frames that were sent by an interface.")
        for one in status.interfaces { text.put(one.sent, MetricLabels(["interface": one.name])) }
        text.begin("svs_interface_lost_frames_total", .counter, "Frames that were lost at an interface, by cause.")
        for one in status.interfaces {
            for (cause, number) in [
                ("missed", one.missed), ("truncated", one.truncated), ("queue-full", one.queueFull), ("refused", one.refused),
            ] { text.put(number, MetricLabels(["interface": one.name, "cause": cause])) }
        }
    }

    /// Every verdict, also those that no frame has met: a series that begins with its first event hides it.
    private mutating func putVerdicts(_ status: DirectorStatus) {
        text.begin("svs_frames_total", .counter, "Frames by their one verdict (docs/reasons.md) and what became of them.")
        let frames = Dictionary(status.verdicts.map { ($0.name, $0.frames) }) { first, _ in first }
        for verdict in Verdict.allCases {
            text.put(frames[verdict.name] ?? 0, MetricLabels(["verdict": verdict.name, "fate": verdict.fate.rawValue]))
        }
    }

    private mutating func putSteps(_ steps: DirectorStatus.ControlSteps) {
        text.begin("svs_control_step_seconds", .histogram, "Processor time of each step of work beside the frames, for which frames wait.")
        var sum: UInt64 = 0
        for (bound, count) in zip(DirectorStatus.ControlSteps.bounds, steps.counts) {
            sum &+= count
            text.put("_bucket", MetricLabels(["le": MetricsText.seconds(bound)]), "\(sum)")
        }
        sum &+= steps.counts.last ?? 0
        text.put("_bucket", MetricLabels(["le": "+Inf"]), "\(sum)")
        text.put("_sum", MetricLabels(), MetricsText.seconds(steps.total))
        text.put("_count", MetricLabels(), "\(sum)")
        text.begin("svs_control_step_longest_seconds", .gauge, "The longest of these steps so far.")
        text.put("", MetricLabels(), MetricsText.seconds(steps.longest))
    }

    private mutating func putTotals(_ sums: DirectorStatus.Traffic) {
        text.put("node_ipvs_connections_total", .counter, "The total number of connections made.", sums.connections)
        text.put("node_ipvs_incoming_packets_total", .counter, "The total number of incoming packets.", sums.packetsIn)
        text.put("node_ipvs_outgoing_packets_total", .counter, "The total number of outgoing packets.", sums.packetsOut)
        text.put("node_ipvs_incoming_bytes_total", .counter, "The total amount of incoming data.", sums.bytesIn)
        text.put("node_ipvs_outgoing_bytes_total", .counter, "The total amount of outgoing data.", sums.bytesOut)
    }
}
