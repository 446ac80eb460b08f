internal import LVS
internal import Wire

extension SnapshotFile {
    /// The words of one line, taken one after the other; what stands behind `of` is one piece.
    struct WordScanner {
        private(set) var rest: ArraySlice<Substring>
        private var owner: Substring?

        init(_ line: Substring) {
            var front = line
            if let place = Self.owner(in: line) {
                front = line[..<place]
                owner = line[line.utf8.index(place, offsetBy: 4)...]
                while owner?.last?.isWhitespace == true { owner?.removeLast() }
            }
            // Bytes, since a file may have millions of lines.
            rest = front.utf8.split(whereSeparator: Self.isBlank).map { Substring($0) }[...]
        }

        /// Where ` of ` stands first.
        private static func owner(in line: Substring) -> Substring.Index? {
            var place = line.startIndex
            while let blank = line.utf8[place...].firstIndex(of: 0x20) {
                if line.utf8[blank...].starts(with: " of ".utf8) { return blank }
                place = line.utf8.index(after: blank)
            }
            return nil
        }

        static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

        mutating func takeOwnerIfAny() -> Substring? {
            defer { owner = nil }
            return owner
        }

        mutating func takeOwner() throws(SnapshotProblem) -> Substring {
            guard let owner = takeOwnerIfAny() else { throw SnapshotProblem("`of' and what it belongs to is missing") }
            return owner
        }

        mutating func next() -> Substring? { rest.popFirst() }
        mutating func skip() { _ = rest.popFirst() }

        mutating func word() throws(SnapshotProblem) -> Substring {
            guard let word = rest.popFirst() else { throw SnapshotProblem("the line ends too early") }
            return word
        }

        mutating func number<Number: FixedWidthInteger>() throws(SnapshotProblem) -> Number {
            let word = try word()
            guard let number = Number(word) else { throw SnapshotProblem("\(word): not a number of \(Number.bitWidth) bits") }
            return number
        }

        /// Seconds with up to nine decimals; a billion of them at most, which is before the year 2262 of the calendar.
        mutating func time() throws(SnapshotProblem) -> Instant { try Self.time(word()) }

        /// Several of them, with commas.
        mutating func times() throws(SnapshotProblem) -> [Instant] {
            var times: [Instant] = []
            for part in try word().split(separator: ",") { times.append(try Self.time(part)) }
            return times
        }

        /// Averages and what was counted since the last tick, five numbers each.
        mutating func rates() throws(SnapshotProblem) -> RateEstimator.Position {
            let word = try word()
            let numbers = word.split(separator: ",").compactMap { UInt64($0) }
            guard numbers.count == 10 else { throw SnapshotProblem("\(word): not ten numbers") }
            var position = RateEstimator.Position()
            (position.average, position.passed) = (Self.counters(numbers[..<5]), Self.counters(numbers[5...]))
            return position
        }

        private static func counters(_ numbers: ArraySlice<UInt64>) -> Counters {
            let numbers = Array(numbers)
            var counters = Counters()
            (counters.connections, counters.packetsIn, counters.packetsOut) = (numbers[0], numbers[1], numbers[2])
            (counters.bytesIn, counters.bytesOut) = (numbers[3], numbers[4])
            return counters
        }

        private static func time(_ word: Substring) throws(SnapshotProblem) -> Instant {
            let isNegative = word.hasPrefix("-")
            let parts = word.dropFirst(isNegative ? 1 : 0).split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
            let decimals = parts.count == 2 ? parts[1] : ""
            guard let whole = parts.first.flatMap({ Int64($0) }), (0...9_000_000_000).contains(whole), decimals.utf8.count <= 9,
                decimals.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
                let nanoseconds = Int64(decimals + String(repeating: "0", count: 9 - decimals.utf8.count))
            else {
                throw SnapshotProblem("\(word): not a time in seconds")
            }
            let time = whole * second + nanoseconds
            return isNegative ? -time : time
        }

        mutating func address() throws(SnapshotProblem) -> IPAddress {
            let word = try word()
            guard let address = IPAddress(word) else { throw SnapshotProblem("\(word): not an address") }
            return address
        }

        mutating func endpoint() throws(SnapshotProblem) -> ServerKey {
            let word = try word()
            guard let (address, port) = RecordFilter.endpoint(word), let port else {
                throw SnapshotProblem("\(word): not ADDRESS:PORT or [ADDRESS]:PORT")
            }
            return ServerKey(address: address, port: port)
        }

        mutating func proto() throws(SnapshotProblem) -> UInt8 {
            let word = try word()
            for proto in [0, IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp] where SnapshotText.name(proto) == word { return proto }
            guard let number = UInt8(word) else {
                throw SnapshotProblem(
                    "\(word): expected clock, dice, due, path-mtu, ports, gone, service, remembered, server, template, or a protocol (tcp, udp, sctp)"
                )
            }
            return number
        }

        /// A connection or template.
        mutating func entry(of server: Snapshot.ServiceServer?) throws(SnapshotProblem) -> Snapshot.Entry {
            let isTemplate = rest.first == "template"
            if isTemplate { skip() }
            let proto = try proto()
            let client = try endpoint(), virtual = try endpoint(), target = try endpoint()
            guard client.address.family == virtual.address.family else {
                throw SnapshotProblem("client and virtual address are of different families")
            }
            var connection = Connection(
                client: client.address, clientPort: client.port, virtual: virtual.address, virtualPort: virtual.port,
                proto: proto, serverAddress: target.address, serverPort: target.port,
                method: .directRouting, flags: isTemplate ? .template : [])
            let word = try self.word()
            if isTemplate {
                guard let state = [UInt8(0), 1].first(where: { Transport.templateStateName($0) == word }) else {
                    throw SnapshotProblem("\(word): not a template's state: NONE or ASSURED")
                }
                if state == 1 { connection.flags.insert(.assured) }
            } else {
                guard let state = (UInt8(0)..<16).first(where: { Transport.stateName(proto: proto, state: $0) == word }) else {
                    throw SnapshotProblem("\(word): not a state of \(SnapshotText.name(proto))")
                }
                connection.state = state
            }
            var entry = Snapshot.Entry(number: -1, connection: connection, server: server)
            while let key = next() { try read(key, into: &entry) }
            if entry.connection.method == .fullNAT, !isTemplate, entry.connection.localPort == 0 {
                throw SnapshotProblem("local: missing, which fullnat needs")
            }
            return entry
        }

        private mutating func read(_ key: Substring, into entry: inout Snapshot.Entry) throws(SnapshotProblem) {
            switch key {
            case "expires": entry.connection.expires = try time()
            case "method":
                let word = try word()
                guard let place = SnapshotText.methods.firstIndex(of: String(word)),
                    let method = ForwardingMethod(rawValue: UInt8(place))
                else {
                    throw SnapshotProblem("\(word): not a method: \(SnapshotText.methods.joined(separator: ", "))")
                }
                entry.connection.method = method
            case "flags":
                for name in try word().split(separator: ",") {
                    guard let flag = SnapshotText.flags.first(where: { $0.name == name })?.flag else {
                        throw SnapshotProblem("\(name): not a flag: \(SnapshotText.flags.map(\.name).joined(separator: ", "))")
                    }
                    entry.connection.flags.insert(flag)
                }
            case "timeout": entry.connection.timeout = try number()
            case "packets": entry.connection.packetsIn = try number()
            case "mark": entry.connection.mark = try number()
            case "local":
                let local = try endpoint()
                entry.connection.localAddress = local.address
                entry.connection.localPort = local.port
            case "stream": entry.stream = try stream()
            case "engine": entry.engine = String(try word())
            case "data": entry.data = try bytes()
            case "number": entry.number = try number()
            case "under": entry.connection.controller = try number()
            default: throw SnapshotProblem("\(key): not a word for connections")
            }
        }

        private mutating func stream() throws(SnapshotProblem) -> ClientStream {
            let word = try word()
            let parts = word.split(separator: ":")
            guard parts.count == 5, let option = SnapshotText.options.first(where: { $0.name == parts[0] })?.option,
                let start = UInt32(parts[1]), parts[2] == "-" || UInt32(parts[2]) != nil, let limit = UInt16(parts[4])
            else {
                throw SnapshotProblem("\(word): not a stream: OPTION:CLIENT-START:SERVER-START:PROGRESS:LIMIT")
            }
            var stream = ClientStream(option: option, clientStart: start)
            stream.hasServerStart = parts[2] != "-"
            stream.serverStart = UInt32(parts[2]) ?? 0
            stream.isHeaderSent = parts[3].contains("s")
            stream.isHeaderTaken = parts[3].contains("t")
            stream.segmentLimit = limit
            return stream
        }

        private mutating func bytes() throws(SnapshotProblem) -> [UInt8] {
            let word = try word()
            if word == "-" { return [] }
            let digits = Array(word)
            let bytes = stride(from: 0, to: digits.count & ~1, by: 2).compactMap { UInt8(String(digits[$0...($0 + 1)]), radix: 16) }
            guard bytes.count * 2 == digits.count else { throw SnapshotProblem("\(word): not bytes in hexadecimal digits") }
            return bytes
        }
    }
}
