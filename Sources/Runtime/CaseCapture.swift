internal import Admin
internal import CLinux
internal import Glibc
internal import Host
public import LVS
internal import Links
internal import Linux
public import Replay
internal import Wire

/// A case of what arrives on this host, for a director that cannot be asked: the kernel's, or one elsewhere.
public struct CaseCapture {
    /// The folder to make.
    public var folder: String
    /// Names of the interfaces whose arriving frames are taken.
    public var interfaces: [String]
    /// Texts of the case's files by name; `services` is among them.
    public var texts: [String: String]
    /// For which addresses that the host does not have the director answers.
    public var ownership: Ownership
    /// Which frames are kept.
    public var filter: RecordFilter
    /// Most frames, and bytes of them.
    public var frames: Int
    public var bytes: Int
    /// Nanoseconds of CLOCK_MONOTONIC at which it ends.
    public var end: UInt64
    public var log: Log

    public init(
        folder: String, interfaces: [String], texts: [String: String], ownership: Ownership, filter: RecordFilter, frames: Int, bytes: Int,
        end: UInt64, log: Log
    ) {
        self.ownership = ownership
        self.folder = folder
        self.interfaces = interfaces
        self.texts = texts
        self.filter = filter
        self.frames = frames
        self.bytes = bytes
        self.end = end
        self.log = log
    }

    /// Captures until a limit or a signal; how many frames. Needs CAP_NET_RAW.
    public func run() throws -> Int {
        // Everything that may be refused comes before the folder is made.
        var network = Network()
        try HostNetwork().update(&network)
        let taps = try interfaces.map { try SocketLink(on: $0) }
        try OutputFile.makeNewFolder(folder)
        for (name, text) in texts { try write(text, name) }
        let captured = try capture(taps)
        // The neighbours as they are at the end: the frames in between made them known.
        let host = try HostNetwork()
        try host.update(&network)
        for reason in host.newlyUnfollowed() { log.say("warning: \(reason)") }
        try write(NetworkFile.text(of: network), "network")
        try write(runText, "run")
        return captured
    }

    private func write(_ text: String, _ name: String) throws(FileError) { try OutputFile.write(text, to: "\(folder)/\(name)") }

    /// Like the director on this host: the host deals with what is passed, but for addresses that only the director has.
    private var runText: String {
        var run = RunFile()
        run.hostEmulation = HostEmulation(isWholeHost: false, ownership: ownership)
        return run.text
    }

    private func capture(_ taps: [SocketLink]) throws -> Int {
        let signals = try Signals([.terminate, .interrupt])
        let poller = try Poller()
        for descriptor in [signals.descriptor] + taps.map(\.descriptor) { try poller.watch(descriptor, as: UInt64(descriptor)) }
        let files = try interfaces.map {
            (frames: try PcapWriter(path: "\(folder)/in.\($0).pcap"), offloads: try VnetWriter(path: "\(folder)/in.\($0).vnet"))
        }
        var batch = Batch(capacity: 64)
        var count = 0, written = 0, isStopped = false
        while count < frames, written < bytes, !isStopped, svs_clock() < end {
            var isIdle = true
            for (tap, file) in zip(taps, files) {
                batch.removeAll()
                try tap.receive(into: &batch)
                let time = svs_calendar()
                for i in 0..<batch.count where count < frames && written < bytes && filter.keeps(batch[i]) {
                    try file.frames.write(batch[i].bytes, time: time)
                    try file.offloads.write(batch[i].offload)
                    count += 1
                    written += 16 + Int(batch[i].bytes.count)
                }
                if !batch.isEmpty { isIdle = false }
            }
            _ = try poller.wait(milliseconds: isIdle ? Int32(min((end - min(svs_clock(), end)) / 1_000_000, 1000)) : 0)
            isStopped = signals.next() != nil
        }
        let missed = taps.reduce(0) { $0 + $1.counters.missed + $1.counters.truncated }
        if missed > 0 { log.say("warning: \(missed) frames arrived faster than they could be written and are not in the case") }
        for file in files {
            try file.frames.close()
            try file.offloads.close()
        }
        return count
    }
}
