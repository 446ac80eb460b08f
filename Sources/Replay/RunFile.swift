public import Admin
public import LVS
internal import Wire

/// The file `run` of a case: how the director was started, one `key value` a line, with `#` comments.
///
///     seed 7
///     connections 4096
///     host beside
///     own all
///     marks host
///     firewall ignore
public struct RunFile: Sendable, Hashable {
    /// Feeds hash keys, dice and ids.
    public var seed: UInt64 = 0
    /// Connections and templates that the table holds.
    public var connections = 1 << 20
    /// `host whole` (the default): the director plays the host for all its addresses. `host beside`: another host stack deals
    /// with what is passed, and the director answers only for the addresses that it owns: `own all`, `own none` or
    /// `own ADDRESS`, as often as there are addresses (`owns` is the same).
    public var hostEmulation = HostEmulation.everything
    /// `marks host`: the rules in the case's file `firewall` give packets their marks, `marks files` (the default): they do not.
    public var marksFromHost = false
    /// `firewall honour` (the default): what the rules in that file drop is dropped; `firewall ignore`: it is not.
    public var honoursFirewall = true

    public init() {}

    /// - Throws: `FileError` for every line that is not understood.
    public init(_ text: String, file: String) throws(FileError) {
        var errors = FileErrors()
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
            guard !words.isEmpty else { continue }
            do throws(FileError) { try read(words, file: file, line: index + 1) } catch { errors.add(error) }
        }
        try errors.check()
    }

    private mutating func read(_ words: [Substring], file: String, line: Int) throws(FileError) {
        func refuse(_ text: String) -> FileError { FileError(file: file, line: line, text: text) }
        guard words.count == 2 else { throw refuse("expected a key and a value") }
        let value = words[1]
        switch words[0] {
        case "seed":
            guard let number = UInt64(value) else { throw refuse("seed: \(value): not a number of 64 bits") }
            seed = number
        case "connections":
            guard let number = Int(value), (16...1 << 28).contains(number) else {
                throw refuse("connections: \(value): 16 to \(1 << 28) are possible")
            }
            connections = number
        case "host":
            guard value == "whole" || value == "beside" else { throw refuse("host: \(value): expected whole or beside") }
            hostEmulation.isWholeHost = value == "whole"
        case "marks":
            guard value == "host" || value == "files" else { throw refuse("marks: \(value): expected host or files") }
            marksFromHost = value == "host"
        case "firewall":
            guard value == "honour" || value == "ignore" else { throw refuse("firewall: \(value): expected honour or ignore") }
            honoursFirewall = value == "honour"
        case "own", "owns":
            guard let ownership = Ownership(value) else { throw refuse("\(words[0]): \(value): expected all, none or an address") }
            switch (hostEmulation.ownership, ownership) {
            case (.localAddresses, _): hostEmulation.ownership = ownership
            case (.only(let some), .only(let more)): hostEmulation.ownership = .only(some.union(more))
            default: throw refuse("\(words[0]): \(value): a line above says \(hostEmulation.ownership)")
            }
        default: throw refuse("unknown key \(words[0]): there are seed, connections, host, own, marks and firewall")
        }
    }

    /// The file's text.
    public var text: String {
        "seed \(seed)\nconnections \(connections)\n" + hostText
    }

    /// Of the text, what is about the host.
    public var hostText: String {
        var lines = ["host \(hostEmulation.isWholeHost ? "whole" : "beside")"]
        switch hostEmulation.ownership {
        case .localAddresses: break
        case .none, .all: lines.append("own \(hostEmulation.ownership)")
        case .only(let addresses): lines += addresses.sorted().map { "own \($0)" }
        }
        if marksFromHost { lines.append("marks host") }
        if !honoursFirewall { lines.append("firewall ignore") }
        return lines.map { $0 + "\n" }.joined()
    }
}
