public import Admin
public import LVS

/// What a journal says, read from its first entry to its last.
public struct RecalledState {
    /// What directors were told, in that order.
    let commands: [Command]
    /// The files as they were last read, by name: `RunFiles.State.texts`.
    let texts: [String: String]
    /// The entries that these stand in.
    let fileEntries: [Journal.Entry]
    /// Answers that were promised.
    let promises: [RequestNumber: [UInt8]]
    /// Bytes that a fresh text of all this might have, near enough.
    let standingBytes: Int
    /// Entries that stand and that this version has no use for.
    public let strange: Int

    public init(_ journal: Journal) {
        var commands: [Command] = [], strange = 0, entries = 0
        var promises: [RequestNumber: [UInt8]] = [:]
        var reading: (left: UInt32, entries: [Journal.Entry]) = (0, []), whole: [Journal.Entry] = []
        journal.forEach { entry in
            entries += 1
            switch JournalRecord(entry) {
            case .command(let command, let answer):
                if case .flush = command { commands.removeAll { $0.isAboutServices } }
                commands.append(command)
                if let answer { promises[answer.request] = answer.packet }
            case .answer(let answer): promises[answer.request] = answer.packet
            case .files(let count):
                reading = (count, [entry])
                if count == 0 { whole = [entry] }
            case .piece:
                guard reading.left > 0 else { return }
                reading.left -= 1
                reading.entries.append(entry)
                if reading.left == 0 { whole = reading.entries }
            case nil: strange += 1
            }
        }
        self.commands = commands
        self.promises = promises
        self.strange = strange
        fileEntries = whole
        texts = Self.texts(of: whole)
        standingBytes = entries == 0 ? 0 : journal.usedBytes / entries * Self.standing(commands)
    }

    private static func texts(of entries: [Journal.Entry]) -> [String: String] {
        var bytes: [String: [UInt8]] = [:]
        for entry in entries {
            if case .piece(let name, let piece)? = JournalRecord(entry) { bytes[name, default: []] += piece }
        }
        return bytes.mapValues { String(decoding: $0, as: UTF8.self) }
    }

    /// How many services and servers are left, about.
    private static func standing(_ commands: [Command]) -> Int {
        max(
            1,
            commands.reduce(0) { sum, command in
                switch command {
                case .addService, .addServer: sum + 1
                case .deleteService, .deleteServer: sum - 1
                default: sum
                }
            })
    }

    /// Whether there was anything.
    public var isEmpty: Bool { commands.isEmpty && fileEntries.isEmpty }

    /// Tells a director that has the host's network, and nothing else yet, what others were told before.
    /// - Parameter refused: is told of each command that this director does not carry out.
    public func restore(into director: inout Director, refused: (Command, CommandError) -> Void) {
        for command in commands {
            do throws(CommandError) { try director.apply(command) } catch { refused(command, error) }
        }
    }
}

extension Command {
    /// Whether `flush` undoes it.
    fileprivate var isAboutServices: Bool {
        switch self {
        case .addService, .editService, .deleteService, .flush, .addServer, .editServer, .deleteServer, .zero: true
        case .setTimeouts, .startDaemon, .stopDaemon: false
        }
    }
}
