public import Admin
public import LVS
internal import Wire

/// Reads the file `connections` of a case, in the form that `SnapshotText` writes. Blank lines and `#` comments are allowed;
/// a file written by hand needs only the connections.
public struct SnapshotFile: Sendable {
    public let file: String
    public private(set) var snapshot = Snapshot()
    /// Whether the file says when it was.
    public private(set) var hasClock = false
    private var entryLines: [Int] = []
    private var serviceLines: [Int] = []
    private var serverLines: [Int] = []
    private var goneLines: [Int] = []
    private var keys: [Substring: Snapshot.ServiceServer] = [:]

    /// What is wrong with a line.
    struct SnapshotProblem: Error {
        var text: String
        /// It may come from what is wrong in a line before, and goes unsaid then.
        var isSequel = false
        init(_ text: String, isSequel: Bool = false) {
            self.text = text
            self.isSequel = isSequel
        }
    }

    /// - Throws: `FileError` for every line that is not understood.
    public init(_ text: String, file: String) throws(FileError) {
        self.file = file
        var errors = FileErrors()
        for (index, line) in TextFile.lines(of: text).enumerated() {
            let line = line[..<(line.utf8.firstIndex(of: 0x23) ?? line.endIndex)]
            guard !line.utf8.allSatisfy(WordScanner.isBlank) else { continue }
            do throws(SnapshotProblem) { try read(line, index + 1) } catch {
                if !error.isSequel || errors.isEmpty { errors.add(FileError(file: file, line: index + 1, text: error.text)) }
            }
        }
        try errors.check()
        keys = [:]
    }

    /// Puts it into a director, whose clock it sets by the file's only when it was made with that.
    /// - Throws: `FileError` with the line that does not fit the director's services.
    public func load(into director: inout Director) throws(FileError) {
        do throws(RestoreError) { try director.restore(snapshot) } catch {
            let line =
                switch error.place {
                case .entry(let place): entryLines[place]
                case .service(let place): serviceLines[place]
                case .server(let place): serverLines[place]
                case .gone(let place): goneLines[place]
                }
            throw FileError(file: file, line: line, text: error.text)
        }
    }

    private mutating func read(_ line: Substring, _ number: Int) throws(SnapshotProblem) {
        var words = WordScanner(line)
        switch words.rest.first {
        case "clock":
            words.skip()
            snapshot.clock = try words.time()
            hasClock = true
        case "dice":
            words.skip()
            snapshot.generator = try words.number()
        case "due":
            words.skip()
            snapshot.due = (try words.time(), try words.time(), try words.time())
        case "path-mtu":
            words.skip()
            snapshot.pathMTUs.append((try words.address(), Int(try words.number() as UInt16), try words.time()))
        case "ports":
            words.skip()
            let proto = try words.proto(), local = try words.address(), server = try words.endpoint()
            snapshot.ports.append(Snapshot.PortPosition(local: local, server: server, proto: proto, next: try words.number()))
        case "gone":
            words.skip()
            guard case .addServer(let service, let server, let settings)? = try command("-a", words.takeOwner()) else {
                throw SnapshotProblem("expected a server as `-a' of ipvsadm names it")
            }
            snapshot.gone.append(Snapshot.Gone(key: .init(service, server), settings: settings))
            goneLines.append(number)
        case "service": try readService(&words, number)
        case "remembered": try readMemory(&words)
        case "server": try readServer(&words, number)
        default:
            snapshot.entries.append(try readEntry(&words))
            entryLines.append(number)
        }
        if let surplus = words.rest.first { throw SnapshotProblem("\(surplus): not understood here") }
    }

    private mutating func readService(_ words: inout WordScanner, _ number: Int) throws(SnapshotProblem) {
        words.skip()
        var service = Snapshot.Service(key: try serviceOwner(&words))
        while let key = words.next() {
            switch key {
            case "position":
                for part in try words.word().split(separator: ",") {
                    guard let value = Int32(part) else { throw SnapshotProblem("\(part): not a position") }
                    service.memory.position.append(Int(value))
                }
            case "times": service.memory.times = try words.times()
            case "local": service.nextLocalAddress = Int(try words.number() as UInt32)
            default: throw SnapshotProblem("\(key): not a word for services: there are position, times, local and of")
            }
        }
        snapshot.services.append(service)
        serviceLines.append(number)
    }

    /// What a service's scheduler remembers of an address; the service stands before it.
    private mutating func readMemory(_ words: inout WordScanner) throws(SnapshotProblem) {
        words.skip()
        let key = try serviceOwner(&words)
        guard let place = snapshot.services.lastIndex(where: { $0.key == key }) else {
            throw SnapshotProblem("the line `service' of \(key) does not stand before it", isSequel: true)
        }
        var item = SchedulerMemory.Item(address: try words.address(), servers: [], times: [])
        while let key = words.next() {
            switch key {
            case "by": item.servers.append(try words.endpoint())
            case "times": item.times = try words.times()
            default: throw SnapshotProblem("\(key): not a word for what is remembered: there are by, times and of")
            }
        }
        snapshot.services[place].memory.items.append(item)
    }

    private func serviceOwner(_ words: inout WordScanner) throws(SnapshotProblem) -> ServiceKey {
        guard case .deleteService(let key)? = try command("-D", words.takeOwner()) else {
            throw SnapshotProblem("expected a service behind `of'")
        }
        return key
    }

    private mutating func readServer(_ words: inout WordScanner, _ number: Int) throws(SnapshotProblem) {
        words.skip()
        var server = Snapshot.Server(key: try owner(words.takeOwner()))
        while let key = words.next() {
            switch key {
            case "overloaded": server.isOverloaded = true
            case "last-weight": server.lastWeight = try words.number()
            case "rates": server.rates = try words.rates()
            case "ids":
                let parts = try words.word().split(separator: ",")
                guard parts.count == 2 else { throw SnapshotProblem("ids: expected two, `-' for none") }
                for (place, part) in parts.enumerated() where part != "-" {
                    guard let value = UInt16(part) else { throw SnapshotProblem("\(part): not an id") }
                    server.outerIDs[place] = value
                }
            default: throw SnapshotProblem("\(key): not a word for servers: there are overloaded, last-weight, rates, ids and of")
            }
        }
        snapshot.servers.append(server)
        serverLines.append(number)
    }

    private mutating func readEntry(_ words: inout WordScanner) throws(SnapshotProblem) -> Snapshot.Entry {
        let owned = words.takeOwnerIfAny()
        let server = try owned.map { words throws(SnapshotProblem) in try owner(words) }
        return try words.entry(of: server)
    }

    /// The server that ipvsadm's words name.
    private mutating func owner(_ words: Substring) throws(SnapshotProblem) -> Snapshot.ServiceServer {
        if let known = keys[words] { return known }
        guard case .deleteServer(let service, let server)? = try command("-d", words) else {
            throw SnapshotProblem("expected a service and its server behind `of'")
        }
        let key = Snapshot.ServiceServer(service, server)
        keys[words] = key
        return key
    }

    private func command(_ option: String, _ words: Substring) throws(SnapshotProblem) -> Command? {
        do throws(FileError) { return try ServicesFile.commands(in: "\(option) \(words)", file: file).first } catch {
            throw SnapshotProblem(error.text)
        }
    }
}
