public import Admin
internal import LVS
internal import Wire

extension Anonymiser {
    /// Learns from the services what the other texts leave open: networks of templates, ports of tunnels.
    /// - Throws: `FileError` for a range of local addresses that stays no range.
    public func read(_ rules: [ServicesFile.Rule]) throws(FileError) {
        for rule in rules {
            switch rule.command {
            case .addService(let key, let settings):
                clientLengths[SaveFormat.words(for: key)] = key.family == .v4 ? settings.netmask.nonzeroBitCount : Int(settings.netmask)
                for range in settings.localAddresses where range.lowerBound != range.upperBound && block(range) == nil {
                    throw FileError(
                        file: "--anonymise",
                        text:
                            "the local addresses \(range.lowerBound)-\(range.upperBound) are no whole network and cannot be mapped to a range"
                    )
                }
            case .addServer(_, _, let settings) where settings.tunnel == .gue: guePorts.insert(settings.tunnelPort)
            default: break
            }
        }
    }

    /// Length of the network that a range is exactly.
    private func block(_ range: ClosedRange<IPAddress>) -> Int? {
        let first = range.lowerBound, last = range.upperBound
        let difference = first.low ^ last.low
        guard first.high == last.high, difference & (difference &+ 1) == 0, first.low & difference == 0 else { return nil }
        return first.family.width - difference.nonzeroBitCount
    }

    /// A text of a case with every address in it mapped.
    public func text(_ text: String, of name: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { name == "connections" ? connection($0) : line($0) }.joined(
            separator: "\n")
    }

    private func line(_ line: Substring) -> String {
        var previous: Substring = ""
        return line.split(separator: " ", omittingEmptySubsequences: false).map { word in
            defer { previous = word }
            return previous == "-M" || previous == "--netmask" ? String(word) : self.word(word)
        }.joined(separator: " ")
    }

    /// A line of the file `connections`: templates are for networks of clients, those of marks carry no address but the mark,
    /// and what persistence engines found is nobody's business.
    private func connection(_ line: Substring) -> String {
        var words = line.split(separator: " ", omittingEmptySubsequences: false)
        let untouched = words.count > 3 && words[0] == "template" && words[1] == "ip" ? words[3] : nil
        var length: Int?
        if words.first == "template", let place = words.lastIndex(of: "of"), let server = words.lastIndex(of: "-r"), place < server {
            length = clientLengths[words[(place + 1)..<server].joined(separator: " ")]
        }
        if let place = words.lastIndex(of: "data"), place + 1 < words.count {
            words[place + 1] = Substring(String(repeating: "0", count: words[place + 1].utf8.count & ~1))
        }
        return words.enumerated().map { place, word in
            if place == 3, untouched != nil { return String(word) }
            if place == 2, let length, let (client, port) = RecordFilter.endpoint(word), let port {
                return "\(ServerKey(address: network(client, length), port: port))"
            }
            return self.word(word)
        }.joined(separator: " ")
    }

    private func network(_ address: IPAddress, _ length: Int) -> IPAddress {
        let mapped = self.address(address)
        return address.isV4
            ? IPAddress(v4: length <= 0 ? 0 : mapped.v4 & (UInt32.max << UInt32(max(32 - length, 0)))) : mapped.masked(to: min(length, 128))
    }

    private func word(_ word: Substring) -> String {
        if let address = IPAddress(word) { return "\(self.address(address))" }
        if let mac = MACAddress(word) { return "\(MACAddress(bits: self.mac(mac.bits)))" }
        if let slash = word.firstIndex(of: "/"), let address = IPAddress(word[..<slash]) {
            let rest = word[word.index(after: slash)...]
            let length = Int(rest) ?? IPAddress(rest).map { $0.v4.nonzeroBitCount } ?? address.family.width
            let isNetwork =
                address
                == (address.isV4
                    ? IPAddress(v4: length <= 0 ? 0 : address.v4 & (UInt32.max << UInt32(max(32 - length, 0))))
                    : address.masked(to: min(max(length, 0), 128)))
            return "\(isNetwork ? network(address, length) : self.address(address))/\(rest)"
        }
        if let dash = word.firstIndex(of: "-"), let first = IPAddress(word[..<dash]),
            let last = IPAddress(word[word.index(after: dash)...]), first <= last
        {
            guard let length = block(first...last) else { return "\(self.address(first))-\(self.address(last))" }
            let base = network(first, length)
            return "\(base)-\(IPAddress(high: base.high, low: base.low | (first.low ^ last.low)))"
        }
        if let colon = word.lastIndex(of: ":") {
            var host = word[..<colon]
            let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
            if isBracketed { host = host.dropFirst().dropLast() }
            if let address = IPAddress(host), isBracketed || address.isV4 {
                let mapped = "\(self.address(address))"
                return (isBracketed ? "[\(mapped)]" : mapped) + String(word[colon...])
            }
        }
        return word.contains(",") && !word.contains(":")
            ? word.split(separator: ",", omittingEmptySubsequences: false).map { IPAddress($0).map { "\(self.address($0))" } ?? String($0) }
                .joined(separator: ",")
            : String(word)
    }
}
