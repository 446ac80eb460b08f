internal import LVS
internal import Wire

/// How a status is carried over the control socket.
extension DirectorStatus {
    func write(to out: inout FieldWriter) { for piece in pieces { out.put(raw: piece) } }

    private func writeHead(to out: inout FieldWriter) {
        out.put(version)
        out.put(process)
        for number in [uptime, services, servers, connections, capacity, carried] { out.put(number) }
        sums.write(to: &out)
        rates.write(to: &out)
        out.put(interfaces) { out, interface in
            out.put(interface.name)
            out.put(interface.state.rawValue)
            for number in [
                interface.received, interface.sent, interface.missed, interface.truncated, interface.queueFull, interface.refused,
            ] { out.put(number) }
        }
        out.put(verdicts) {
            $0.put($1.name); $0.put($1.frames); $0.put($1.rate)
        }
        out.put(failing) {
            $0.put($1.address); $0.put($1.interface); $0.put($1.servers)
        }
        out.put(claims) {
            $0.put($1.address); $0.put($1.interface); $0.put($1.mac)
        }
        out.put(unmarked) { $0.put($1) }
        out.put(honoursFirewall)
        out.put(switches) {
            $0.put($1.name); $0.put($1.value); $0.put($1.isUsual)
        }
        out.put(daemons) { $0.put($1) }
        out.put(gaveWay) {
            $0.put($1.name); $0.put($1.number)
        }
        out.put(carrying.map { [$0] } ?? []) { $1.write(to: &$0) }
        for number in controlSteps.counts + [controlSteps.total, controlSteps.longest] { out.put(number) }
        for address in addresses { address.write(to: &out) }
    }

    init?(_ fields: inout FieldReader) {
        guard let version = fields.text(), let process = fields.number(Int32.self), let numbers = fields.numbers(6),
            let sums = Traffic(&fields), let rates = Traffic(&fields), let interfaces = fields.list({ Interface(&$0) }),
            let verdicts = fields.list({ Verdict(&$0) }), let failing = fields.list({ Neighbor(&$0) }),
            let claims = fields.list({ Claim(&$0) }), let unmarked = fields.list({ $0.text() }), let honours = fields.flag(),
            let switches = fields.list({ Switch(&$0) }), let daemons = fields.list({ $0.text() }),
            let gaveWay = fields.list({ Kind(&$0) }), let carrying = fields.list({ Carrying(&$0) }), let steps = ControlSteps(&fields)
        else { return nil }
        (self.version, self.process) = (version, process)
        (uptime, services, servers) = (numbers[0], numbers[1], numbers[2])
        (connections, capacity, carried) = (numbers[3], numbers[4], numbers[5])
        (self.sums, self.rates, self.interfaces) = (sums, rates, interfaces)
        (self.claims, self.unmarked, honoursFirewall) = (claims, unmarked, honours)
        (self.verdicts, self.failing, self.switches, self.daemons) = (verdicts, failing, switches, daemons)
        (self.gaveWay, self.carrying, controlSteps) = (gaveWay, carrying.first, steps)
        while let hasMore = fields.flag() {
            guard hasMore else { return }
            guard let address = fields.text(), let holder = fields.text() else { return nil }
            addresses.append(Address(address: address, holder: holder))
        }
        return nil
    }

    /// Its bytes in pieces, the virtual addresses a few at a time, each made when it is wanted: there may be tens of thousands.
    var pieces: some Sequence<[UInt8]> {
        var out = FieldWriter()
        writeHead(to: &out)
        let holders = holders
        var held = holders.handled.makeIterator(), waiting = holders.waiting.makeIterator(), isOver = false
        return AnyIterator {
            guard !isOver else { return nil }
            for _ in 0..<256 where out.bytes.count < 8192 {
                if let address = held.next() {
                    let holder = holders.owned.contains(address) ? VirtualAddress.Holder.director : .host
                    Address(address: "\(address)", holder: holder.rawValue).write(to: &out)
                } else if let address = waiting.next() {
                    Address(address: "\(address)", holder: VirtualAddress.Holder.nobody.rawValue).write(to: &out)
                } else {
                    isOver = true
                    out.put(false)
                    break
                }
            }
            return out.take()
        }
    }
}

extension DirectorStatus.Address {
    fileprivate func write(to out: inout FieldWriter) {
        out.put(true)
        out.put(address)
        out.put(holder)
    }
}

extension FieldReader {
    fileprivate mutating func numbers(_ count: Int) -> [UInt64]? {
        var numbers: [UInt64] = []
        for _ in 0..<count {
            guard let number = number(UInt64.self) else { return nil }
            numbers.append(number)
        }
        return numbers
    }
}

extension DirectorStatus.Traffic {
    fileprivate func write(to out: inout FieldWriter) {
        for number in [connections, packetsIn, packetsOut, bytesIn, bytesOut] { out.put(number) }
    }

    fileprivate init?(_ fields: inout FieldReader) {
        guard let numbers = fields.numbers(5) else { return nil }
        (connections, packetsIn, packetsOut, bytesIn, bytesOut) = (numbers[0], numbers[1], numbers[2], numbers[3], numbers[4])
    }
}

extension DirectorStatus.Interface {
    fileprivate init?(_ fields: inout FieldReader) {
        guard let name = fields.text(), let state = fields.text().flatMap(State.init(rawValue:)), let numbers = fields.numbers(6) else {
            return nil
        }
        self.init(name: name, state: state)
        (received, sent, missed) = (numbers[0], numbers[1], numbers[2])
        (truncated, queueFull, refused) = (numbers[3], numbers[4], numbers[5])
    }
}

extension DirectorStatus.Verdict {
    fileprivate init?(_ fields: inout FieldReader) {
        guard let name = fields.text(), let frames = fields.number(UInt64.self), let rate = fields.number(UInt64.self) else { return nil }
        self.init(name: name, frames: frames, rate: rate)
    }
}

extension DirectorStatus.Neighbor {
    fileprivate init?(_ fields: inout FieldReader) {
        guard let address = fields.text(), let interface = fields.text(), let servers = fields.number(UInt32.self) else { return nil }
        self.init(address: address, interface: interface, servers: servers)
    }
}

extension DirectorStatus.Claim {
    fileprivate init?(_ fields: inout FieldReader) {
        guard let address = fields.text(), let interface = fields.text(), let mac = fields.text() else { return nil }
        self.init(address: address, interface: interface, mac: mac)
    }
}

extension DirectorStatus.Switch {
    fileprivate init?(_ fields: inout FieldReader) {
        guard let name = fields.text(), let value = fields.text(), let isUsual = fields.flag() else { return nil }
        self.init(name: name, value: value, isUsual: isUsual)
    }
}

extension DirectorStatus.Kind {
    fileprivate init?(_ fields: inout FieldReader) {
        guard let name = fields.text(), let number = fields.number(UInt64.self) else { return nil }
        self.init(name: name, number: number)
    }
}

extension DirectorStatus.Carrying {
    fileprivate func write(to out: inout FieldWriter) {
        for number in [flows, frames, handedOver] { out.put(number) }
        out.put(takenBack) {
            $0.put($1.name); $0.put($1.number)
        }
    }

    fileprivate init?(_ fields: inout FieldReader) {
        guard let numbers = fields.numbers(3), let takenBack = fields.list({ DirectorStatus.Kind(&$0) }) else { return nil }
        self.init(flows: numbers[0], frames: numbers[1], handedOver: numbers[2], takenBack: takenBack)
    }
}

extension DirectorStatus.ControlSteps {
    fileprivate init?(_ fields: inout FieldReader) {
        self.init()
        guard let numbers = fields.numbers(counts.count + 2) else { return nil }
        (counts, total, longest) = (Array(numbers.prefix(counts.count)), numbers[counts.count], numbers[counts.count + 1])
    }
}
