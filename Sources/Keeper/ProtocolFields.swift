internal import Admin
internal import Host
internal import LVS
internal import Wire

/// How the values of the protocol are written: the parts that several messages share.
extension FieldWriter {
    mutating func put(_ address: IPAddress) {
        put(address.high)
        put(address.low)
    }

    mutating func put(_ error: HostError) {
        put(error.what)
        put(error.cause)
        put(error.errno)
    }

    mutating func put(_ endpoint: SyncEndpoint) {
        put(UInt8(truncatingIfNeeded: endpoint.role.rawValue))
        put(endpoint.interface)
        put(endpoint.group)
        put(endpoint.port)
        put(endpoint.timeToLive)
        put(endpoint.source)
        put(endpoint.buffer)
    }

    mutating func put(_ ports: ClosedRange<UInt16>) {
        put(ports.lowerBound)
        put(ports.upperBound)
    }

    mutating func put<Value>(optional value: Value?, _ each: (inout FieldWriter, Value) -> Void) {
        put(value != nil)
        if let value { each(&self, value) }
    }

    mutating func put(_ traffic: OwnTraffic) {
        for matches in [traffic.answers, traffic.requests] {
            put(Array(matches)) { out, match in
                out.put(match.proto)
                out.put(optional: match.source) { $0.put($1) }
                out.put(match.sourcePort)
                out.put(optional: match.destination) { $0.put($1) }
                out.put(optional: match.destinationPorts) { $0.put($1) }
                out.put(match.isForHost)
            }
        }
        put(Array(traffic.clients)) { out, client in
            out.put(client.key)
            out.put(optional: client.value.source) { $0.put($1) }
            out.put(Int64(client.value.mtu))
        }
    }

    mutating func put(_ traffic: SuppressedTraffic) {
        let endpoint = { (out: inout FieldWriter, endpoint: SuppressedTraffic.Endpoint) in
            out.put(endpoint.proto)
            out.put(endpoint.address)
            out.put(endpoint.ports)
        }
        let address = { (out: inout FieldWriter, address: IPAddress) in out.put(address) }
        put(traffic.ownedAddresses, address)
        put(traffic.waitingAddresses, address)
        put(traffic.localAddresses, address)
        put(traffic.services, endpoint)
        put(traffic.replies, endpoint)
        put(traffic.fragmentAddresses, address)
        put(traffic.fragmentSources, address)
        put(traffic.marked) { out, destination in
            out.put(destination.prefix)
            out.put(Int32(clamping: destination.length))
            out.put(destination.proto != nil)
            out.put(destination.proto ?? 0)
            out.put(destination.ports != nil)
            out.put(destination.ports ?? 0...0)
        }
        put(traffic.icmpErrors)
        put(traffic.clientAddresses, address)
        put(traffic.unmarked) { out, source in
            out.put(source.mac.bits)
            out.put(source.destination)
        }
        put(traffic.interfaces) { out, name in out.put(name) }
    }
}

extension FieldReader {
    mutating func address() -> IPAddress? {
        guard let high = number(UInt64.self), let low = number(UInt64.self) else { return nil }
        return IPAddress(high: high, low: low)
    }

    mutating func hostError() -> HostError? {
        guard let what = text(), let cause = text(), let errno = number(Int32.self) else { return nil }
        return HostError(what, cause: cause, errno: errno)
    }

    mutating func syncEndpoint() -> SyncEndpoint? {
        guard let number = number(UInt8.self), let role = SyncDaemon.Role(rawValue: UInt32(number)), let interface = text(),
            let group = address(), let port = self.number(UInt16.self), let timeToLive = self.number(UInt8.self), let source = address(),
            let buffer = self.number(Int32.self)
        else { return nil }
        let endpoint = SyncEndpoint(
            role: role, interface: interface, group: group, port: port, timeToLive: timeToLive, source: source, buffer: buffer)
        return endpoint.isSound ? endpoint : nil
    }

    mutating func ports() -> ClosedRange<UInt16>? {
        guard let first = number(UInt16.self), let last = number(UInt16.self), first <= last else { return nil }
        return first...last
    }

    /// Bytes of the longest packet of an interface.
    mutating func mtu() -> Int? {
        guard let mtu = number(Int64.self), (68...65_536).contains(mtu) else { return nil }
        return Int(mtu)
    }

    mutating func optional<Value>(_ each: (inout FieldReader) -> Value?) -> Value?? {
        guard let isThere = flag() else { return nil }
        guard isThere else { return .some(nil) }
        return each(&self).map { .some($0) }
    }

    mutating func ownTraffic() -> OwnTraffic? {
        guard let answers = list({ $0.match() }), let requests = list({ $0.match() }), let clients = list({ $0.client() }) else {
            return nil
        }
        var traffic = OwnTraffic()
        (traffic.answers, traffic.requests) = (Set(answers), Set(requests))
        for (address, client) in clients { traffic.clients[address] = client }
        return traffic
    }

    private mutating func match() -> OwnTraffic.Match? {
        guard let proto = number(UInt8.self), let source = optional({ $0.address() }), let sourcePort = number(UInt16.self),
            let destination = optional({ $0.address() }), let ports = optional({ $0.ports() }), let isForHost = flag()
        else { return nil }
        return OwnTraffic.Match(
            proto: proto, source: source, sourcePort: sourcePort, destination: destination, destinationPorts: ports, isForHost: isForHost)
    }

    private mutating func client() -> (IPAddress, OwnTraffic.Client)? {
        guard let address = address(), let source = optional({ $0.address() }), let mtu = mtu() else { return nil }
        return (address, OwnTraffic.Client(from: source, mtu: mtu))
    }

    mutating func suppressedTraffic() -> SuppressedTraffic? {
        guard let owned = addresses(), let waiting = addresses(), let locals = addresses(), let services = endpoints(),
            let replies = endpoints(), let fragmentAddresses = addresses(), let fragmentSources = addresses(),
            let marked = list({ $0.destination() }), let icmpErrors = flag(), let clients = addresses(),
            let unmarked = list({ $0.source() }), let interfaces = list({ $0.text() })
        else { return nil }
        var traffic = SuppressedTraffic(
            ownedAddresses: owned, services: services, replies: replies, fragmentAddresses: fragmentAddresses,
            fragmentSources: fragmentSources, marked: marked, icmpErrors: icmpErrors, interfaces: interfaces)
        traffic.waitingAddresses = waiting
        traffic.localAddresses = locals
        traffic.clientAddresses = clients
        traffic.unmarked = unmarked
        return traffic
    }

    private mutating func addresses() -> [IPAddress]? { list { $0.address() } }

    private mutating func endpoints() -> [SuppressedTraffic.Endpoint]? {
        list { fields in
            guard let proto = fields.number(UInt8.self), let address = fields.address(), let ports = fields.ports() else { return nil }
            return SuppressedTraffic.Endpoint(proto: proto, address: address, ports: ports)
        }
    }

    private mutating func source() -> SuppressedTraffic.Source? {
        guard let bits = number(UInt64.self), let destination = address() else { return nil }
        return SuppressedTraffic.Source(MACAddress(bits: bits), to: destination)
    }

    private mutating func destination() -> SuppressedTraffic.Destination? {
        guard let prefix = address(), let length = number(Int32.self), (0...prefix.family.width).contains(Int(length)),
            let hasProto = flag(), let proto = number(UInt8.self), let hasPorts = flag(), let ports = ports()
        else { return nil }
        return SuppressedTraffic.Destination(
            prefix: prefix, length: Int(length), proto: hasProto ? proto : nil, ports: hasPorts ? ports : nil)
    }
}
