public import Admin
public import LVS

/// Writes down what a director is told, before who told it gets his answer, so that the next director can be told the same.
///
/// When the journal is twice as long as what stands would need, a fresh text of that is written beside it, a few commands with
/// each command that comes, until it takes the journal's place: no command waits for all of it, and each costs the same.
public final class JournalRecorder {
    private var journal: Journal
    /// What stands, under way into a fresh text.
    private var walk: InventoryWalk?
    private let clients: ClientTable
    /// Answers that may not have been sent yet.
    private var promises: [RequestNumber: [UInt8]] = [:]
    /// The files as last read, and how many entries of them the fresh text has.
    private var files: [Journal.Entry] = []
    private var filesCopied = 0
    /// How many of them stand in the journal: the rest follows a few at a time.
    private var filesWritten = 0
    /// Bytes that what stands took when it was last counted.
    private var standingBytes: Int
    /// The last fresh text did not fit.
    private var isTooSmall = false

    /// Commands that are written into a fresh text with each that comes, and bytes of files.
    private static let commandStep = 32, fileStep = 65_536
    /// Bytes that a journal may have beyond twice of what stands, and that are left for commands which make room.
    private let slack: Int, reserve: Int

    /// A command that is about to be carried out, ready to be written down.
    struct PreparedEntry {
        fileprivate var entry: Journal.Entry?
        fileprivate var promise: JournalRecord.KeptAnswer?
        fileprivate var step: InventoryWalk.Step?
    }

    /// - Parameters:
    ///   - journal: what has been recalled from it is not looked at again.
    ///   - recalled: what was in it.
    ///   - clients: whose answers may still be wanted.
    public init(_ journal: Journal, _ recalled: RecalledState, clients: ClientTable) {
        (self.journal, self.clients) = (journal, clients)
        slack = min(65_536, journal.capacity / 16)
        reserve = min(65_536, journal.capacity / 16)
        files = recalled.fileEntries
        filesWritten = files.count
        promises = recalled.promises.filter { clients.isOpen($0.key) }
        standingBytes = recalled.standingBytes
    }

    /// More bytes than were lent, when what stands takes so much of them that fresh texts follow each other too fast.
    public var wantedBytes: Int? {
        guard isTooSmall || standingBytes > journal.capacity / 2 else { return nil }
        return 2 * 4 * max(standingBytes, journal.capacity / 2)
    }

    // Commands

    /// Makes room for a command.
    /// - Throws: `.noRoom`; nothing has happened then.
    func prepare(
        _ command: Command, _ promise: JournalRecord.KeptAnswer?, in director: borrowing Director
    ) throws(CommandError) -> PreparedEntry {
        var pending = PreparedEntry(promise: promise)
        if case .zero = command {
            // Counters are kept elsewhere.
            pending.entry = promise.flatMap { JournalRecord.answer($0).entry }
        } else {
            guard let entry = JournalRecord.command(command, promise).entry else { throw .invalid }
            pending.entry = entry
        }
        guard let count = pending.entry?.bytes.count else { return pending }
        let hasRoom = makeRoom(for: count + (command.adds ? reserve : 0), isVital: !command.adds, in: director)
        guard hasRoom else { throw .noRoom }
        pending.step = walk?.passed(command, in: director)
        return pending
    }

    /// The command was carried out: from here on it counts.
    func write(_ pending: PreparedEntry, in director: borrowing Director) {
        if let entry = pending.entry { journal.append(entry) }
        if let step = pending.step {
            if step.isRepeated, let entry = pending.entry { journal.appendFresh(entry) }
            walk?.took(step)
        }
        if let promise = pending.promise { promises[promise.request] = promise.packet }
        advance(over: director)
    }

    func promised(to request: RequestNumber) -> [UInt8]? { promises[request] }
    func settled(_ request: RequestNumber) { promises[request] = nil }

    // Files

    /// Texts of files as entries; any thread may make them.
    static func pieces(of texts: [(name: String, text: String)]) -> [Journal.Entry] {
        texts.flatMap { name, text in
            Chunks(Array(text.utf8), length: 32_768).compactMap { JournalRecord.piece(name: name, bytes: $0).entry }
        }
    }

    /// Begins to write down the files as they were read now. They count when all of them is there.
    /// - Parameter pieces: what `pieces(of:)` has made of them.
    /// - Returns: false when there is no room for them; then the earlier reading stands.
    func write(_ pieces: [Journal.Entry], in director: borrowing Director) -> Bool {
        var entries = pieces
        guard let head = JournalRecord.files(count: UInt32(entries.count)).entry else { return false }
        entries.insert(head, at: 0)
        guard entries != files else { return true }
        goOnWriting(.max)
        let count = entries.reduce(0) { $0 + $1.bytes.count + 32 }
        guard makeRoom(for: count + reserve, isVital: false, in: director) else { return false }
        files = entries
        (filesWritten, filesCopied) = (0, entries.count)
        // Beside a fresh text nothing is half written.
        goOnWriting(walk == nil ? Self.fileStep : .max)
        return true
    }

    /// Some of the files are not written down yet.
    var isWriting: Bool { filesWritten < files.count }

    /// Bytes that are left for the rest of them.
    private var unwrittenBytes: Int { files[filesWritten...].reduce(0) { $0 + $1.bytes.count + 32 } }

    /// Goes on writing down files, until they take about so many bytes more.
    func goOnWriting(_ limit: Int = fileStep) {
        var bytes = 0
        while isWriting, bytes < limit {
            journal.append(files[filesWritten])
            if journal.isFresh { journal.appendFresh(files[filesWritten]) }
            bytes += files[filesWritten].bytes.count
            filesWritten += 1
        }
    }

    // Fresh texts

    /// Goes on with a fresh text, or begins one when the journal has grown too long.
    public func advance(over director: borrowing Director) {
        if walk != nil {
            _ = write(Self.commandStep, of: director)
        } else if journal.usedBytes > 2 * standingBytes + slack {
            begin(over: director)
        }
    }

    private func begin(over director: borrowing Director) {
        // A fresh text has files as a whole.
        goOnWriting(.max)
        journal.beginFresh()
        walk = InventoryWalk(over: director)
        filesCopied = 0
    }

    /// Writes a fresh text to its end, when that is worth it: for a command that makes room it always is.
    private func makeRoom(for count: Int, isVital: Bool, in director: borrowing Director) -> Bool {
        if journal.hasRoom(for: count + unwrittenBytes) { return true }
        if walk == nil {
            guard isVital || journal.usedBytes > standingBytes + slack else { return false }
            begin(over: director)
        }
        while walk != nil { if !write(4096, of: director) { break } }
        return journal.hasRoom(for: count)
    }

    /// - Returns: false when the fresh text has ended, in force or given up.
    private func write(_ commands: Int, of director: borrowing Director) -> Bool {
        guard var walk else { return false }
        var entries: [Journal.Entry] = []
        let hasMore = walk.next(commands, of: director) { if let entry = JournalRecord.command($0, nil).entry { entries.append(entry) } }
        self.walk = walk
        var bytes = 0
        if !hasMore {
            while filesCopied < files.count, bytes < Self.fileStep {
                entries.append(files[filesCopied])
                bytes += files[filesCopied].bytes.count
                filesCopied += 1
            }
        }
        let isLast = !hasMore && filesCopied == files.count
        if isLast {
            promises = promises.filter { clients.isOpen($0.key) }
            entries += promises.compactMap { JournalRecord.answer(.init(request: $0.key, packet: $0.value)).entry }
        }
        for entry in entries {
            guard journal.freshHasRoom(for: entry.bytes.count) else {
                journal.abandonFresh()
                // Not tried again before as much was added once more.
                standingBytes = journal.usedBytes
                isTooSmall = true
                self.walk = nil
                return false
            }
            journal.appendFresh(entry)
        }
        guard isLast else { return true }
        journal.finishFresh()
        standingBytes = journal.usedBytes
        isTooSmall = false
        self.walk = nil
        return false
    }
}

extension JournalRecorder {
    /// Goes on in other memory, as large as `wantedBytes` asks for, which is zero; all that stands is written there now.
    /// - Returns: false when it does not fit there either; then nothing has changed.
    public func move(to memory: UnsafeMutableRawBufferPointer, over director: borrowing Director) -> Bool {
        let old = (journal, walk, filesCopied, standingBytes, isTooSmall)
        goOnWriting(.max)
        journal = Journal(memory)
        begin(over: director)
        while walk != nil { if !write(4096, of: director) { break } }
        guard isTooSmall else { return true }
        (journal, walk, filesCopied, standingBytes, isTooSmall) = old
        return false
    }
}

extension Command {
    /// Whether there is more to keep afterwards.
    fileprivate var adds: Bool {
        switch self {
        case .addService, .addServer, .startDaemon: true
        case .editService, .deleteService, .flush, .editServer, .deleteServer, .setTimeouts, .zero, .stopDaemon: false
        }
    }
}
