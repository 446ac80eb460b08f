internal import Admin
public import LVS
internal import Links
internal import Wire

extension PacketScript {
    /// A frame, its time in microseconds, and the interface that it comes in by.
    private typealias Arrival = (frame: [UInt8], time: UInt64, interface: Int32, line: Int)

    private func arrivals(at network: Network) throws(FileError) -> [Arrival] {
        var errors = FileErrors(), all: [Arrival] = []
        for packet in packets {
            do throws(PacketWords.WordsProblem) {
                let (frame, interface) = try packet.words.frame(arrivingAt: network)
                guard interface != Director.localInterface else {
                    throw PacketWords.WordsProblem(text: "in lo: what the host itself sends comes in by no wire")
                }
                all.append((frame, packet.time, interface, packet.line))
            } catch { errors.add(FileError(file: file, line: packet.line, text: error.text)) }
        }
        try errors.check()
        return all
    }

    /// Writes the packets as they arrive at `network`. Nothing is written before all of them are understood.
    /// - Parameter captures: where they go; without an interface, those that come in by the first Ethernet link.
    /// - Throws: `FileError` or `LinkError`.
    public func write(arrivingAt network: Network, to captures: [CaseFiles.Capture]) throws {
        var paths: [Int32: String] = [:]
        for capture in captures {
            guard let interface = capture.interface.map({ network.interface(named: $0) }) ?? network.firstEthernet else {
                throw FileError(file: capture.path, text: "the network file has no interface '\(capture.interface ?? "")'")
            }
            guard paths.updateValue(capture.path, forKey: interface.index) == nil else {
                throw FileError(file: capture.path, text: "another file takes the packets of \(interface.name) already")
            }
        }
        let arrivals = try arrivals(at: network)
        var errors = FileErrors()
        for homeless in arrivals where paths[homeless.interface] == nil {
            let name = network.interface(homeless.interface)?.name ?? ""
            errors.add(
                FileError(file: file, line: homeless.line, text: "comes in by \(name), for which there is no file (--out \(name)=FILE)"))
        }
        try errors.check()
        for (interface, path) in paths.sorted(by: { $0.key < $1.key }) {
            let writer = try PcapWriter(path: path)
            for arrival in arrivals where arrival.interface == interface {
                var bytes = arrival.frame
                try bytes.withBytes { try writer.write($0, time: arrival.time * 1000) }
            }
            try writer.close()
        }
    }

    /// Makes the captures of the case in `folder` anew: `in.pcap` for the first Ethernet link, `in.IF.pcap` for others that
    /// packets come in by. A capture of an interface that none comes in by is refused: it would arrive with them.
    /// - Returns: the files' names.
    /// - Throws: `FileError` or `LinkError`.
    public func writeCase(_ folder: String, arrivingAt network: Network) throws -> [String] {
        let interfaces = Set(try arrivals(at: network).map(\.interface)).sorted()
        let first = network.firstEthernet?.index
        let captures = interfaces.map { index in
            let name = network.interface(index)?.name
            return CaseFiles.Capture(interface: name, path: index == first ? "in.pcap" : "in.\(name ?? "").pcap")
        }
        let others = try CaseFiles.names(in: folder).filter { name in
            ["pcap", "pcapng"].contains { CaseFiles.interface(of: name, between: "in", and: $0) != nil }
                && !captures.contains { $0.path == name }
        }
        if let other = others.min() {
            throw FileError(file: folder + "/" + other, text: "holds frames that \(file) does not; remove one of the two")
        }
        try write(arrivingAt: network, to: captures.map { CaseFiles.Capture(interface: $0.interface, path: folder + "/" + $0.path) })
        return captures.map(\.path)
    }
}
