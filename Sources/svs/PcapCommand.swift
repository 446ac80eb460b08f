import Admin
import ArgumentParser
import LVS
import Replay

/// `svs pcap`: packets in words become a capture.
struct PcapCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pcap", abstract: "Write a capture from packets in words.",
        discussion: """
            One packet a line, with its time; what follows # is a comment:

              @1000.25 tcp 198.51.100.7:5555 > 192.0.2.1:80 SYN
              +10ms    tcp 198.51.100.7:5555 > 192.0.2.1:80 ACK
              +1.5s    icmp 10.0.0.2 > 192.0.2.1 port-unreachable [tcp 192.0.2.1:80 > 198.51.100.7:5555]
                       udp [2001:db8::7]:5555 > [2001:db8::1]:53 len 1280 in eth1

            +N with s, ms or us is the time since the packet above, @SECONDS a moment; a packet without either comes 1 ms \
            after the one above, the first at 1000 s. The words of a packet are those of 'svs explain'.

            A case folder with a file 'packets' gets its in.pcap, and in.IF.pcap for packets that come in by another \
            interface than the first. Without a folder, --network says whose MACs the frames have and which interface \
            leads to their sources, --out where they go:

              svs pcap CASE
              svs pcap --network network --out in.pcap < packets
            """)
    @Argument(help: ArgumentHelp("A case folder with packets and network.", valueName: "case")) var folder: String?
    @Option(help: ArgumentHelp("The host's network, as ip -batch reads it.", valueName: "file")) var network: String?
    @Option(help: ArgumentHelp("Packets in words (default: standard input).", valueName: "file")) var words: String?
    @Option(name: .customLong("out"), help: ArgumentHelp("Where the frames go; repeat for more interfaces.", valueName: "[IF=]file"))
    var outputs: [String] = []

    func validate() throws {
        if folder != nil {
            guard network == nil, words == nil, outputs.isEmpty else {
                throw ValidationError("a case folder holds --network, --words and --out already")
            }
        } else {
            guard network != nil, !outputs.isEmpty else { throw ValidationError("name a case folder, or --network and --out") }
        }
    }

    func run() throws {
        try withClearErrors {
            if let folder {
                let (script, network) = try read(folder + "/packets", network: folder + "/network")
                let names = try script.writeCase(folder, arrivingAt: network)
                print("\(folder): \(counted(script.packets.count, "packet")) in \(names.joined(separator: ", "))")
            } else if let network {
                let captures = outputs.map(FileOptions.capture)
                for capture in captures { try OutputFile.refuse(capture.path, among: [network, words].compactMap { $0 }) }
                let (script, network) = try read(words ?? "/dev/stdin", network: network)
                try script.write(arrivingAt: network, to: captures)
            }
        }
    }

    private func read(_ words: String, network: String) throws -> (PacketScript, Network) {
        let parsed = try NetworkFile(TextFile.read(network), file: network)
        return (try PacketScript(TextFile.read(words), file: words), parsed.network)
    }
}
