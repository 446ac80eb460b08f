public import ArgumentParser
public import Decap
import Glibc
import Host
internal import Replay
import Runtime
import Wire

extension Decapsulator.Kind: ExpressibleByArgument {}

/// `svs decap`: the real server's end of a tunnel, where the kernel has no such device; on files as well.
struct DecapCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decap", abstract: "Take the tunnel off packets: a real server's end of TUN.",
        discussion: """
            With --interface, tunnel packets that arrive there for the host's own addresses are unwrapped and handed to the \
            host stack through a TUN device of the command's own; nothing else is touched. It runs until SIGTERM or SIGINT, \
            and needs CAP_NET_ADMIN and CAP_NET_RAW.

            With --in and --out, frames of a pcap file are unwrapped whatever their outer destination; frames that are no \
            tunnel packets, and fragments, are copied as they are. What is refused is left out and counted.
            """)
    @Option(help: ArgumentHelp("Interface that tunnel packets arrive on.", valueName: "interface"), completion: Completions.interfaces)
    var interface: String?
    @Option(help: ArgumentHelp("The tunnel.", valueName: "ipip|gue|gre")) var type = Decapsulator.Kind.ipip
    @Option(help: ArgumentHelp("UDP port of GUE.", valueName: "n")) var port: UInt16 = 6080
    @Option(help: ArgumentHelp("Let only these outer sources in; repeat for more.", valueName: "addr/len")) var source: [String] = []
    @Option(help: ArgumentHelp("Let only packets for these inner destinations through; repeat for more.", valueName: "addr"))
    var vip: [String] = []
    @Option(name: .customLong("in"), help: ArgumentHelp("Frames to unwrap.", valueName: "file"), completion: .file()) var input: String?
    @Option(name: .customLong("out"), help: ArgumentHelp("Where the unwrapped frames go.", valueName: "file"), completion: .file())
    var output: String?
    @Option(
        help: ArgumentHelp(
            "Time of a written frame: index (seconds = number of its input frame) or input (its time).", valueName: "index|input"))
    var stamp: TimestampMode = .input

    func validate() throws {
        guard interface != nil || input != nil else { throw ValidationError("name --interface, or --in and --out") }
        guard interface == nil || input == nil && output == nil else { throw ValidationError("--interface, or --in and --out, not both") }
        guard (input == nil) == (output == nil) else { throw ValidationError("--in and --out go together") }
        guard port != 0 else { throw ValidationError("--port: 0 is no port") }
    }

    func run() throws {
        try withClearErrors {
            let decapsulator = try decapsulator()
            if let input, let output {
                try OutputFile.refuse(output, among: [input])
                return Terminal.complain(try DecapFile(decapsulator, from: input, to: output, stamp: stamp).run().line)
            }
            guard let interface else { return }
            guard if_nametoindex(interface) != 0 else { throw CommandFailure("interface \(interface) does not exist") }
            let missing = Capabilities.effective.missing()
            guard missing.isEmpty else {
                throw CommandFailure("missing capability: \(missing.joined(separator: " and ")) (run as root, or grant it)")
            }
            try DecapWorker(decapsulator, on: interface, log: Terminal.log).run()
        }
    }

    private func decapsulator() throws -> Decapsulator {
        let sources = try source.map { text throws -> Decapsulator.Prefix in
            let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard let address = IPAddress(String(parts[0])) else { throw CommandFailure("--source \(text): no address") }
            guard parts.count == 2 else { return Decapsulator.Prefix(address: address, length: address.family.width) }
            guard let length = Int(parts[1]), (0...address.family.width).contains(length) else {
                throw CommandFailure("--source \(text): the prefix length is not 0 to \(address.family.width)")
            }
            return Decapsulator.Prefix(address: address, length: length)
        }
        let destinations = try vip.map { text throws -> IPAddress in
            guard let address = IPAddress(text) else { throw CommandFailure("--vip \(text): no address") }
            return address
        }
        return Decapsulator(type, port: port, sources: sources, destinations: Set(destinations))
    }
}
