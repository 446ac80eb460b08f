internal import Admin
internal import Host
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

    mutating func put(_ ports: ClosedRange<UInt16>) {
        put(ports.lowerBound)
        put(ports.upperBound)
    }

    mutating func put(_ traffic: SuppressedTraffic) {
        let endpoint = { (out: inout FieldWriter, endpoint: SuppressedTraffic.Endpoint) in
            out.put(endpoint.proto)
            out.put(endpoint.address)
            out.put(endpoint.ports)
        }
        let address = { (out: inout FieldWriter, address: IPAddress) in out.put(address) }
        put(traffic.ownedAddresses, address)
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

    mutating func ports() -> ClosedRange<UInt16>? {
        guard let first = number(UInt16.self), let last = number(UInt16.self), first <= last else { return nil }
        return first...last
    }

    mutating func suppressedTraffic() -> SuppressedTraffic? {
        guard let owned = addresses(), let locals = addresses(), let services = endpoints(), let replies = endpoints(),
            let fragmentAddresses = addresses(), let fragmentSources = addresses(), let marked = list({ $0.destination() }),
            let icmpErrors = flag(), let interfaces = list({ $0.text() })
        else { return nil }
        var traffic = SuppressedTraffic(
            ownedAddresses: owned, services: services, replies: replies, fragmentAddresses: fragmentAddresses,
            fragmentSources: fragmentSources, marked: marked, icmpErrors: icmpErrors, interfaces: interfaces)
        traffic.localAddresses = locals
        return traffic
    }

    private mutating func addresses() -> [IPAddress]? { list { $0.address() } }

    private mutating func endpoints() -> [SuppressedTraffic.Endpoint]? {
        list { fields in
            guard let proto = fields.number(UInt8.self), let address = fields.address(), let ports = fields.ports() else { return nil }
            return SuppressedTraffic.Endpoint(proto: proto, address: address, ports: ports)
        }
    }

    private mutating func destination() -> SuppressedTraffic.Destination? {
        guard let prefix = address(), let length = number(Int32.self), (0...prefix.family.width).contains(Int(length)),
            let hasProto = flag(), let proto = number(UInt8.self), let hasPorts = flag(), let ports = ports()
        else { return nil }
        return SuppressedTraffic.Destination(
            prefix: prefix, length: Int(length), proto: hasProto ? proto : nil, ports: hasPorts ? ports : nil)
    }
}
