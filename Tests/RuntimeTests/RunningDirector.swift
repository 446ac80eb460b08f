import Admin
import CLinux
import Glibc
import Host
import LVS
import LinkKit
import Links
import Linux
import Synchronization
import SystemPackage
import Testing
import Wire

@testable import Runtime

/// An event loop with test links and a made-up host, on a thread of its own. Everything that is not thread-safe belongs to
/// that thread until `stop` has joined it.
final class RunningDirector: @unchecked Sendable {
    let folder: String
    let clients: MemoryWire, servers: MemoryWire
    let host: FakeHost
    let lines = Lines()
    private let ownership: Ownership
    private let faults: FaultPlan?
    private var thread = pthread_t()
    private let isReady: Wakeup
    private var failure: (any Error)?

    /// What was logged, from any thread.
    final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        /// Without the one that says how long control work took.
        var all: [String] { lines.withLock { $0 }.filter { !$0.hasPrefix(Self.steps) } }
        var steps: [String] { lines.withLock { $0 }.filter { $0.hasPrefix(Self.steps) } }
        private static let steps = "control steps: "
    }

    /// Starts with a services file of these lines; it answers when this returns.
    /// - Parameter faults: what its links, its host and its system calls do to it.
    init(services: [String], ownership: Ownership = .all, faults: FaultPlan? = nil) throws {
        self.ownership = ownership
        self.faults = faults
        var template = Array("/tmp/svs-runtime.XXXXXX".utf8CString)
        folder = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) }.map { String(cString: $0) } ?? "/tmp"
        isReady = try Wakeup()
        clients = try MemoryWire(interface: 2)
        servers = try MemoryWire(interface: 3)
        host = try FakeHost(FakeHost.network)
        try write(services)
        pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<RunningDirector>.fromOpaque(context).takeUnretainedValue().run() }
                return nil
            }, Unmanaged.passUnretained(self).toOpaque())
        var watch = pollfd(fd: isReady.descriptor, events: Int16(POLLIN), revents: 0)
        try #require(poll(&watch, 1, 10_000) == 1)
        if let failure { throw failure }
    }

    var control: String { folder + "/control" }
    var file: String { folder + "/services" }

    func write(_ services: [String]) throws { try FileWriter.write(services.map { $0 + "\n" }.joined().utf8, to: .init(file)) }

    private func run() {
        do {
            let lines = lines
            let files = RunFiles(services: file)
            let signals = try Signals([.terminate, .hangUp])
            faults?.begin(self)
            defer { faults?.end() }
            let setup = EventLoop.Setup(
                links: faults?.links ?? [clients, servers], interfaces: ["eth0", "eth1"], network: host, requests: host,
                control: try ControlServer(path: control), signals: signals, files: files, log: Log { lines.add($0) })
            let loop = try EventLoop(
                Director(
                    connections: 1024, hostEmulation: HostEmulation(isWholeHost: false, ownership: ownership), at: Instant(svs_clock())),
                setup, files.read(), start: "seed 0\n")
            isReady.raise()
            try loop.run()
        } catch {
            failure = error
            isReady.raise()
        }
    }

    /// Sends a signal to the director's thread alone.
    func signal(_ number: Int32) { pthread_kill(thread, number) }

    /// Ends it, as SIGTERM does.
    func stop() throws {
        signal(SIGTERM)
        pthread_join(thread, nil)
        unlink(file)
        rmdir(folder)
        if let failure { throw failure }
    }
}

/// A link between two threads: what the test lets arrive wakes the loop up, as an interface does.
final class MemoryWire: Link, @unchecked Sendable {
    let interface: Int32
    private let arrival: Wakeup
    private let link: MemoryLink
    private let arriving = Mutex<[[UInt8]]>([])
    private let left = Mutex<[[UInt8]]>([])

    init(interface: Int32) throws {
        self.interface = interface
        arrival = try Wakeup()
        link = MemoryLink(interface: interface)
    }

    var descriptor: Int32 { arrival.descriptor }
    var wantsPoll: Bool { true }
    var counters: LinkCounters { link.counters }
    /// What was sent.
    var sent: [[UInt8]] { left.withLock { $0 } }

    func arrive(_ frame: [UInt8]) {
        arriving.withLock { $0.append(frame) }
        arrival.raise()
    }

    func receive(into batch: inout Batch) throws(LinkError) {
        arrival.clear()
        for frame in arriving.withLock({ frames in
            defer { frames = [] }; return frames
        }) { link.arrive(frame) }
        try link.receive(into: &batch)
    }

    func transmit(_ batch: borrowing Batch) throws(LinkError) {
        try link.transmit(batch)
        let frames = link.sent.map(\.bytes)
        link.sent = []
        left.withLock { $0 += frames }
    }
}

/// Waits until `condition` holds, at most five seconds.
func wait(until condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<1000 {
        if try condition() { return true }
        usleep(5000)
    }
    return try condition()
}
