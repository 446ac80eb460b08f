internal import LVS
internal import Wire

/// How the loads of services and servers are carried over the control socket: tens of thousands of them, so a number takes
/// no more bytes than it needs.
extension LoadPage {
    func write(to out: inout FieldWriter) {
        out.put(services) { out, service in
            out.put(small: service.number)
            service.key.write(to: &out)
            out.put(service.scheduler)
            out.put(service.isPersistent)
            service.statistics.write(to: &out)
        }
        out.put(servers) { out, server in
            out.put(small: server.service)
            server.key.write(to: &out)
            out.put(server.method.rawValue)
            for number in [server.weight.magnitude, server.active, server.inactive, server.persistent] { out.put(small: UInt64(number)) }
            out.put(server.isOverloaded)
            server.statistics.write(to: &out)
        }
        out.put(next != nil)
        if let next { out.put(next) }
    }

    init?(_ fields: inout FieldReader) {
        self.init()
        guard let services = fields.list({ ServiceLoad(&$0) }), let servers = fields.list({ ServerLoad(&$0) }), let hasMore = fields.flag()
        else { return nil }
        (self.services, self.servers) = (services, servers)
        guard hasMore else { return }
        guard let place = fields.number(UInt32.self) else { return nil }
        next = place
    }
}

extension ServiceLoad {
    fileprivate init?(_ fields: inout FieldReader) {
        guard let number = fields.small(), let key = ServiceKey(&fields), let scheduler = fields.text(), let isPersistent = fields.flag(),
            let statistics = Statistics(&fields)
        else { return nil }
        self.init(number: number, key: key, scheduler: scheduler, isPersistent: isPersistent, statistics: statistics)
    }
}

extension ServerLoad {
    fileprivate init?(_ fields: inout FieldReader) {
        guard let service = fields.small(), let key = ServerKey(&fields),
            let method = fields.number(UInt8.self).flatMap({ ForwardingMethod(rawValue: $0) }), let weight = fields.small(),
            let active = fields.small(), let inactive = fields.small(), let persistent = fields.small(), let isOverloaded = fields.flag(),
            let statistics = Statistics(&fields)
        else { return nil }
        self.init(
            service: service, key: key, method: method, weight: Int32(clamping: weight), isOverloaded: isOverloaded,
            active: UInt32(clamping: active), inactive: UInt32(clamping: inactive), persistent: UInt32(clamping: persistent),
            statistics: statistics)
    }
}

extension ServiceKey {
    fileprivate func write(to out: inout FieldWriter) {
        out.put(family == .v4)
        out.put(proto)
        address.write(to: &out)
        out.put(port)
        out.put(mark)
        out.put(ranges) {
            $0.put($1.lowerBound); $0.put($1.upperBound)
        }
    }

    fileprivate init?(_ fields: inout FieldReader) {
        guard let isV4 = fields.flag(), let proto = fields.number(UInt8.self), let address = IPAddress(&fields),
            let port = fields.number(UInt16.self), let mark = fields.number(UInt32.self),
            let ranges = fields.list({ fields -> ClosedRange<UInt16>? in
                guard let first = fields.number(UInt16.self), let last = fields.number(UInt16.self), first <= last else { return nil }
                return first...last
            })
        else { return nil }
        self.init(proto: proto, address: address, port: port, ranges: ranges)
        (family, self.mark) = (isV4 ? .v4 : .v6, mark)
    }
}

extension ServerKey {
    fileprivate func write(to out: inout FieldWriter) {
        address.write(to: &out)
        out.put(port)
    }

    fileprivate init?(_ fields: inout FieldReader) {
        guard let address = IPAddress(&fields), let port = fields.number(UInt16.self) else { return nil }
        self.init(address: address, port: port)
    }
}

extension IPAddress {
    fileprivate func write(to out: inout FieldWriter) {
        out.put(isV4)
        if isV4 { out.put(v4) } else { out.put(high); out.put(low) }
    }

    fileprivate init?(_ fields: inout FieldReader) {
        guard let isV4 = fields.flag() else { return nil }
        if isV4 {
            guard let number = fields.number(UInt32.self) else { return nil }
            self.init(v4: number)
        } else {
            guard let high = fields.number(UInt64.self), let low = fields.number(UInt64.self) else { return nil }
            self.init(high: high, low: low)
        }
    }
}

extension Statistics {
    fileprivate func write(to out: inout FieldWriter) {
        counters.write(to: &out)
        rates.write(to: &out)
    }

    fileprivate init?(_ fields: inout FieldReader) {
        guard let counters = Counters(&fields), let rates = Counters(&fields) else { return nil }
        self.init(counters: counters, rates: rates)
    }
}

extension Counters {
    fileprivate func write(to out: inout FieldWriter) {
        for number in [connections, packetsIn, packetsOut, bytesIn, bytesOut] { out.put(small: number) }
    }

    fileprivate init?(_ fields: inout FieldReader) {
        self.init()
        for field in [\Counters.connections, \.packetsIn, \.packetsOut, \.bytesIn, \.bytesOut] {
            guard let number = fields.small() else { return nil }
            self[keyPath: field] = number
        }
    }
}
