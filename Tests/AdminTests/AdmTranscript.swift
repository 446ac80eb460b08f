import Admin
import Wire

/// One section of a transcript: command lines with what the real ipvsadm 1.31 answered on the kernel's IPVS.
struct Transcript {
    /// `$ ` arguments, `< ` its input, `% ` how to compare, `? ` exit status, `> ` output, `! ` errors.
    struct Step {
        /// How much of an answer must be equal.
        enum Comparison { case all, status, entriesInAnyOrder }

        var line: String
        var words: [String]
        var comparison = Comparison.all
        var input = "", output = "", errors = ""
        var status: Int32 = -1
    }

    var name = ""
    var tags: [String] = []
    var steps: [Step] = []

    init(_ text: String) {
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let rest = line.dropFirst(2)
            if line.hasPrefix("== ") {
                let words = line.dropFirst(3).split(separator: " ").map(String.init)
                (name, tags) = (words[0], Array(words[1...]))
            } else if line.hasPrefix("$ ") {
                steps.append(Step(line: String(rest), words: rest == "(nothing)" ? [] : Self.shellWords(rest)))
            } else if let mark = line.first, !steps.isEmpty {
                let last = steps.count - 1
                switch mark {
                case "%": steps[last].comparison = rest == "rc" ? .status : .entriesInAnyOrder
                case "?": steps[last].status = Int32(rest) ?? -1
                case "<": steps[last].input += Self.plain(rest)
                case ">": steps[last].output += Self.plain(rest)
                case "!": steps[last].errors += Self.plain(rest)
                default: break
                }
            }
        }
    }

    /// Splits as a POSIX shell does, for lines without expansions.
    static func shellWords(_ line: Substring) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var escaped = false
        for character in line {
            if escaped {
                word = (word ?? "") + String(character)
                escaped = false
            } else if character == "\\", quote != "'" {
                escaped = true
            } else if character == quote {
                quote = nil
            } else if quote == nil, character == "'" || character == "\"" {
                quote = character
                word = word ?? ""
            } else if quote == nil, character == " " || character == "\t" {
                if let whole = word { words.append(whole) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        if let word { words.append(word) }
        return words
    }

    /// A recorded line with its escapes undone and its end: `\\`, `\xHH`, and `\c` for no newline at the very end.
    private static func plain(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Substring(text).utf8
        var end: [UInt8] = [0x0a]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let next = rest.popFirst() else { bytes.append(byte); continue }
            switch next {
            case UInt8(ascii: "x"):
                bytes.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            case UInt8(ascii: "c") where rest.isEmpty: end = []
            default: bytes.append(next)
            }
        }
        return String(decoding: bytes + end, as: UTF8.self)
    }
}

/// A listing as its title lines and its entries in an order of their own; a service keeps its servers with it.
struct Entries: Equatable {
    var title: [Substring] = []
    var entries: [[Substring]] = []

    init(_ text: String) {
        let titles = ["IP Virtual Server", "Prot ", "  -> Remote", "IPVS conn", "pro expire"]
        for line in text.split(separator: "\n") {
            if entries.isEmpty, titles.contains(where: { line.hasPrefix($0) }) {
                title.append(line)
            } else if line.hasPrefix("  -> "), !entries.isEmpty {
                entries[entries.count - 1].append(line)
            } else {
                entries.append([line])
            }
        }
        entries = entries.map { $0.prefix(1) + $0.dropFirst().sorted() }.sorted { $0.lexicographicallyPrecedes($1) }
    }
}

/// The host's own files, without waiting for DNS: `localhost`, and the services that transcripts name.
struct HostFiles: NameResolver {
    private static let services: [(String, UInt16)] = [
        ("ftp", 21), ("ssh", 22), ("smtp", 25), ("domain", 53), ("http", 80), ("https", 443), ("sip", 5060),
    ]
    private let system = SystemNames()
    private let hasServices = SystemNames().port(ofService: "http", proto: IPProtocol.tcp) != nil

    func address(ofHost name: String) -> IPAddress? { name == "localhost" ? IPAddress(v4: 0x7f00_0001) : nil }
    func hostName(of address: IPAddress) -> String? { address == IPAddress(v4: 0x7f00_0001) ? "localhost" : nil }

    func port(ofService name: String, proto: UInt8) -> UInt16? {
        if hasServices { return system.port(ofService: name, proto: proto) }
        return proto == 0 ? nil : Self.services.first { $0.0 == name }?.1
    }

    func serviceName(ofPort port: UInt16, proto: UInt8) -> String? {
        if hasServices { return system.serviceName(ofPort: port, proto: proto) }
        return proto == 0 ? nil : Self.services.first { $0.1 == port }?.0
    }
}
