import Admin
import ArgumentParser
import CLinux
import Glibc
import Host
import LVS
import Links
import Replay
import Wire

/// `svs record`: a case of what happens on this host now.
struct RecordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record", abstract: "Record a case on this host: configuration and arriving frames.",
        discussion: """
            Writes services, network and the frames that arrive to a new folder, which svs replay, explain and verify read. \
            Services, switches and the seed of the random choices are those of the running director unless files are named. \
            What connections there are already is not recorded: begin before the traffic in question does. Ends by SIGINT, \
            SIGTERM or a limit. Needs CAP_NET_RAW.

            --client and --service keep only the packets of some clients and services; NAT's replies come with the service.
            """)
    @Option(name: .shortAndLong, help: ArgumentHelp("The folder to make.", valueName: "case")) var output: String
    @Option(name: .customLong("interface"), help: ArgumentHelp("Interface whose arriving frames are recorded; repeat for more.", valueName: "if"))
    var interfaces: [String] = []
    @Option(help: ArgumentHelp("Stop after this many frames.", valueName: "n")) var frames = 100_000
    @Option(help: ArgumentHelp("Stop after this many seconds.", valueName: "n")) var seconds: Int?
    @Option(help: ArgumentHelp("Stop after this many megabytes of frames.", valueName: "n")) var megabytes = 1024
    @Option(name: .customLong("client"), help: ArgumentHelp("Only packets from and to this client; repeat for more.", valueName: "address[/length]"))
    var clients: [String] = []
    @Option(name: .customLong("service"), help: ArgumentHelp("Only packets of this service; repeat for more.", valueName: "address[:port]"))
    var onlyServices: [String] = []
    @Option(help: "Services, as ipvsadm-save writes them, instead of the running director's.") var services: String?
    @Option(help: "Marks for IPv4 that the director was started with.") var marks: String?
    @Option(help: "Marks for IPv6 that the director was started with.") var marks6: String?
    @Option(help: "Switches that the director was started with.") var sysctl: String?
    @Option(help: ArgumentHelp("The running director's socket.", valueName: "path")) var control: String?

    func validate() throws {
        guard !interfaces.isEmpty else { throw ValidationError("--interface is missing: name at least one interface") }
        guard Set(interfaces).count == interfaces.count else { throw ValidationError("--interface: an interface is named twice") }
        guard frames > 0, (1...1_000_000_000).contains(seconds ?? 1), (1...1_000_000).contains(megabytes) else {
            throw ValidationError("--frames, --seconds and --megabytes: at least 1")
        }
        guard control == nil || services == nil else { throw ValidationError("--control: the services come from --services") }
    }

    func run() throws {
        try withClearErrors {
            for name in interfaces where if_nametoindex(name) == 0 { throw Failure("interface \(name) does not exist") }
            // Everything that may be refused comes before the folder is made.
            var texts = try ["services": servicesText()]
            for (name, path) in [("marks", marks), ("marks6", marks6), ("sysctl", sysctl)] {
                if let path { texts[name] = try TextFile.read(path) }
            }
            if sysctl == nil, services == nil { texts["sysctl"] = try? String(decoding: askDirector("sysctl"), as: UTF8.self) }
            let start = services == nil ? (try? String(decoding: askDirector("start"), as: UTF8.self)) ?? "" : ""
            let rules = try ServicesFile(texts["services"] ?? "", name: services ?? "services", names: SystemNames()).rules
            let filter = try RecordFilter(clients: clients, services: onlyServices, rules: rules)
            var network = Network()
            try HostNetwork().update(&network)
            let taps = try interfaces.map { try SocketLink(on: $0) }
            guard mkdir(output, 0o755) == 0 else { throw Failure("\(output): \(String(cString: strerror(errno)))") }
            for (name, text) in texts { try write(text, name) }
            let recorded = try record(taps, filter)
            // The neighbours as they are at the end: the frames in between made them known.
            try HostNetwork().update(&network)
            try write(NetworkFile.text(of: network), "network")
            let files = try CaseFiles(folder: output)
            try write(Self.runText(try Scenario(files), start), "run")
            Terminal.complain("recorded \(recorded) frames to \(output)")
        }
    }

    private func write(_ text: String, _ name: String) throws {
        guard let file = fopen("\(output)/\(name)", "w") else { throw Failure("\(output)/\(name): \(String(cString: strerror(errno)))") }
        let bytes = Array(text.utf8)
        let isWritten = fwrite(bytes, 1, bytes.count, file) == bytes.count
        guard fclose(file) == 0, isWritten else { throw Failure("\(output)/\(name): \(String(cString: strerror(errno)))") }
    }

    private func askDirector(_ question: String) throws -> [UInt8] {
        let path = control ?? getenv("SVS_CONTROL").map { String(cString: $0) } ?? AdmDoor.socket
        return try ControlClient(path: path).ask(question)
    }

    private func servicesText() throws -> String {
        if let services { return try TextFile.read(services) }
        let path = control ?? getenv("SVS_CONTROL").map { String(cString: $0) } ?? AdmDoor.socket
        return SaveFormat.text(of: try ControlClient(path: path).inventory(), numeric: true, names: SystemNames())
    }

    /// Like the director on this host: the host deals with what is passed, but for addresses that only the director has.
    /// - Parameter start: how the running director was started, as far as it says.
    private static func runText(_ scenario: Scenario, _ start: String) throws -> String {
        var director = Director(connections: 16, seed: 0)
        for rule in scenario.services { try director.apply(rule.command) }
        let standing = Standing(director.inventory(), scenario.network, scenario.marks4, scenario.marks6)
        var run = try RunFile(start, file: "the director's start")
        run.hostRole = HostRole(isWholeHost: false, owned: Set(standing.owned))
        return run.text
    }

    /// Writes what arrives until a limit or a signal; the number of frames.
    private func record(_ taps: [SocketLink], _ filter: RecordFilter) throws -> Int {
        let signals = [SIGTERM, SIGINT].withUnsafeBufferPointer { svs_signal_descriptor($0.baseAddress, Int32($0.count)) }
        let files = try interfaces.map { (frames: try PcapWriter(path: "\(output)/in.\($0).pcap"), offloads: try VnetWriter(path: "\(output)/in.\($0).vnet")) }
        var batch = Batch(capacity: 64)
        let end = seconds.map { svs_clock() &+ UInt64($0) &* 1_000_000_000 } ?? .max
        var count = 0, bytes = 0, isStopped = false
        while count < frames, bytes < megabytes << 20, !isStopped, svs_clock() < end {
            var isIdle = true
            for (tap, file) in zip(taps, files) {
                batch.removeAll()
                try tap.receive(into: &batch)
                var now = timespec()
                clock_gettime(CLOCK_REALTIME, &now)
                let time = UInt64(max(now.tv_sec, 0)) * 1_000_000_000 + UInt64(max(now.tv_nsec, 0))
                for i in 0..<batch.count where count < frames && bytes < megabytes << 20 && filter.keeps(batch[i]) {
                    try file.frames.write(batch[i].bytes, time: time)
                    try file.offloads.write(batch[i].offload)
                    count += 1
                    bytes += 16 + Int(batch[i].bytes.count)
                }
                if !batch.isEmpty { isIdle = false }
            }
            var polled = [pollfd(fd: signals, events: Int16(POLLIN), revents: 0)] + taps.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
            _ = poll(&polled, nfds_t(polled.count), isIdle ? Int32(min((end - min(svs_clock(), end)) / 1_000_000, 1000)) : 0)
            if polled[0].revents != 0, svs_signal_next(signals) != 0 { isStopped = true }
        }
        let missed = taps.reduce(0) { $0 + $1.counters.missed + $1.counters.truncated }
        if missed > 0 { Terminal.complain("warning: \(missed) frames arrived faster than they could be written and are not in the case") }
        for file in files {
            try file.frames.close()
            try file.offloads.close()
        }
        return count
    }
}
