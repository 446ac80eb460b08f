/// A status as programs read it: one object, names as in `DirectorStatus`.
public enum StatusJSON {
    /// - Parameter services: the services with their servers, to be put beside it.
    public static func text(_ status: DirectorStatus, services: JSONValue? = nil) -> String {
        var members: [String: JSONValue] = [
            "version": .text(status.version), "process": .number(Int64(status.process)), "uptime": .count(status.uptime),
            "services": .count(status.services), "servers": .count(status.servers), "connections": .count(status.connections),
            "capacity": .count(status.capacity), "carried": .count(status.carried), "sums": status.sums.json, "rates": status.rates.json,
            "interfaces": .list(
                status.interfaces.map { one in
                    .object([
                        "name": .text(one.name), "state": .text(one.state.rawValue), "received": .count(one.received),
                        "sent": .count(one.sent), "missed": .count(one.missed), "truncated": .count(one.truncated),
                        "queue_full": .count(one.queueFull), "refused": .count(one.refused),
                    ])
                }),
            "addresses": .list(status.addresses.map { .object(["address": .text($0.address), "holder": .text($0.holder)]) }),
            "verdicts": .list(
                status.verdicts.map { .object(["name": .text($0.name), "frames": .count($0.frames), "rate": .count($0.rate)]) }),
            "failing_neighbors": .list(
                status.failing.map {
                    .object([
                        "address": .text($0.address), "interface": .text($0.interface), "servers": .number(Int64($0.servers)),
                    ])
                }),
            "claims": .list(
                status.claims.map {
                    .object(["address": .text($0.address), "interface": .text($0.interface), "mac": .text($0.mac)])
                }),
            "switches": .object(Dictionary(status.switches.map { ($0.name, .text($0.value)) }) { first, _ in first }),
            "daemons": .list(status.daemons.map { .text($0) }),
            "gave_way": .object(Dictionary(status.gaveWay.map { ($0.name, .count($0.number)) }) { first, _ in first }),
            "control_steps": status.controlSteps.json, "faults": .list(status.faults.map { .text($0.text) }),
        ]
        if let carrying = status.carrying { members["carrying"] = carrying.json }
        if let services { members["service_list"] = services }
        return JSONValue.object(members).written + "\n"
    }
}

extension DirectorStatus.Traffic {
    fileprivate var json: JSONValue {
        .object([
            "connections": .count(connections), "packets_in": .count(packetsIn), "packets_out": .count(packetsOut),
            "bytes_in": .count(bytesIn), "bytes_out": .count(bytesOut),
        ])
    }
}

extension DirectorStatus.Carrying {
    fileprivate var json: JSONValue {
        .object([
            "flows": .count(flows), "frames": .count(frames), "handed_over": .count(handedOver),
            "taken_back": .object(Dictionary(takenBack.map { ($0.name, .count($0.number)) }) { first, _ in first }),
        ])
    }
}

extension DirectorStatus.ControlSteps {
    /// Times in nanoseconds.
    fileprivate var json: JSONValue {
        .object([
            "up_to": .list(Self.bounds.map { .count($0) }), "counts": .list(counts.map { .count($0) }), "total": .count(total),
            "longest": .count(longest),
        ])
    }
}
