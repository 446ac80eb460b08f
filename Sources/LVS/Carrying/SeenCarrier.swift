import Wire

/// A carrier as the copy of a director has it, whose decisions bind nobody: it tells what another one tells, and changes nothing.
final class SeenCarrier: FlowCarrier {
    private let carrier: any FlowCarrier

    init(_ carrier: any FlowCarrier) { self.carrier = carrier }

    var serverLimit: Int { carrier.serverLimit }
    func carry(_ flow: CarriedFlow) -> Bool { false }
    func progress(of flow: Flow) -> CarriedProgress? { carrier.progress(of: flow) }
    func stop(_ flow: Flow) -> CarriedProgress? { carrier.progress(of: flow) }
    func stop(to server: ServerID) {}
    func stopAll() {}
    func settle() {}
    func counters(of server: ServerID) -> CarriedCounters { carrier.counters(of: server) }
    func takeOver(_ each: (Flow, CarriedProgress) -> Void) {}
}
