internal import Wire

/// Compares an emitted frame with the expected one.
///
/// Not compared: the Ethernet source; what follows the IP packet in the frame; an IPv4 id, IPv6 fragment id, or the source
/// port of GUE or of a message to a group, that is 0 in the expectation, which says that it was random. A checksum has to be right where the expected one is,
/// else equal.
struct FrameComparison: Sendable {
    var guePorts: [UInt16]
    var ignored = IgnoredFields()

    /// What differs, a line for each header field; empty for frames that count as equal.
    func differences(_ expected: [UInt8], _ actual: [UInt8]) -> [String] {
        if expected == actual { return [] }
        let wanted = fields(expected), found = fields(actual)
        // A master's messages go to a group, from a port of the host's choice.
        let isToGroup = expected.first.map { $0 & 1 != 0 } ?? false
        let randomPorts = Set(wanted.filter { $0.header.hasSuffix("UDP") && $0.name == "source port" && $0.value == "0" }.map(\.header))
            .filter { udp in isToGroup && udp == "UDP" || wanted.contains { $0.header == udp.dropLast(3) + "GUE" } }
        return PacketDescription.differences(wanted, found) { expected, actual in
            guard let field = expected ?? actual else { return true }
            if ignored.contains(field) { return false }
            switch (field.header, field.name) {
            case ("Ethernet", "source"), ("IPv4", "padding"), ("IPv6", "padding"): return false
            default: break
            }
            guard let expected, !expected.header.contains("quoted") else { return true }
            if expected.header.hasSuffix("IPv4"), expected.name == "id" { return expected.value != "0" }
            if expected.header.hasSuffix("IPv6 fragment"), expected.name == "id" { return expected.value != "0x00000000" }
            guard randomPorts.contains(expected.header) else { return true }
            if expected.name == "source port" { return false }
            // A checksum that was right before the port was made 0 is all ones.
            return !(expected.name == "checksum" && expected.value == "0xffff" && actual?.value == "valid")
        }
    }

    private func fields(_ frame: [UInt8]) -> [PacketDescription.Field] {
        var bytes = frame
        return bytes.withBytes { PacketDescription.fields(of: $0, guePorts: guePorts) }
    }

    /// A frame as one line.
    func line(_ frame: [UInt8]) -> String {
        var bytes = frame
        return bytes.withBytes { PacketDescription($0, guePorts: guePorts).description }
    }
}
