public import Admin
internal import Wire

/// Names of hosts and services in packets in words: `tcp client.example:5555 > www.example:http SYN`.
public enum PacketNames {
    /// The words with numbers in the place of names, which the director's own reading of a packet, that must not wait for
    /// DNS, asks for. What is no name, or an unknown one, stays as it is.
    public static func numeric(_ text: String, names: some NameResolver) -> String {
        guard text.contains(where: \.isLetter) else { return text }
        var words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        var proto = IPProtocol.tcp
        for place in words.indices {
            switch words[place].drop(while: { $0 == "[" }).lowercased() {
            case "tcp": proto = IPProtocol.tcp
            case "udp": proto = IPProtocol.udp
            case "sctp": proto = IPProtocol.sctp
            default: break
            }
            let isEnd = place > 0 && words[place - 1] == ">" || place + 1 < words.count && words[place + 1] == ">"
            if isEnd { words[place] = end(words[place], proto, names) }
        }
        return words.joined(separator: " ")
    }

    private static func end(_ word: String, _ proto: UInt8, _ names: some NameResolver) -> String {
        guard IPAddress(word) == nil else { return word }
        // Behind the last address of a quoted packet stands its bracket.
        let closing = word.hasSuffix("]") && !word.hasPrefix("[") ? "]" : ""
        let said = word.dropLast(closing.count)
        guard let colon = said.lastIndex(of: ":") else { return host(said, names) + closing }
        var port = String(said[said.index(after: colon)...])
        if UInt16(port) == nil, let number = names.port(ofService: port, proto: proto) { port = "\(number)" }
        return host(said[..<colon], names) + ":" + port + closing
    }

    private static func host(_ name: Substring, _ names: some NameResolver) -> String {
        guard name.first?.isLetter == true, !name.contains(":"), IPAddress(name) == nil else { return String(name) }
        return names.address(ofHost: String(name)).map { "\($0)" } ?? String(name)
    }
}
