import LVS
import Testing
import Wire

@testable import Admin

/// Memory as a journal is lent it: zero at first, and copied as it stands at a moment.
final class JournalMemory {
    let bytes: UnsafeMutableRawBufferPointer

    init(_ count: Int = Journal.smallest) {
        bytes = .allocate(byteCount: count, alignment: 64)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    init(_ image: [UInt8]) {
        bytes = .allocate(byteCount: image.count, alignment: 64)
        bytes.copyBytes(from: image)
    }

    deinit { bytes.deallocate() }

    var image: [UInt8] { Array(bytes) }

    /// What a process finds that takes the memory over.
    func found<Answer>(_ body: (inout Journal) -> Answer) -> Answer {
        withExtendedLifetime(self) {
            var journal = Journal(bytes)
            return body(&journal)
        }
    }

    var entries: [Journal.Entry] { found { $0.entries } }
    var finding: Journal.Finding { found { $0.finding } }
}

@Suite struct JournalLaws {
    private func entry(_ number: Int, _ generator: inout SeededGenerator) -> Journal.Entry {
        let count = Int(generator.next() % 60)
        return Journal.Entry(kind: UInt32(number), bytes: (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) })
    }

    /// A journal of `count` entries, some of them behind a fresh text.
    private func journal(_ count: Int, seed: UInt64) -> (memory: JournalMemory, entries: [Journal.Entry]) {
        let memory = JournalMemory()
        var generator = SeededGenerator(seed: seed), entries: [Journal.Entry] = []
        memory.found { journal in
            for number in 0..<count {
                if number == count / 2 {
                    entries.removeFirst(number / 2)
                    journal.beginFresh()
                    for entry in entries { journal.appendFresh(entry) }
                    journal.finishFresh()
                }
                entries.append(entry(number, &generator))
                journal.append(entries[entries.count - 1])
            }
        }
        return (memory, entries)
    }

    @Test func whatWasWrittenComesBack() {
        for seed in 1...20 as ClosedRange<UInt64> {
            let (memory, entries) = journal(24, seed: seed)
            #expect(memory.entries == entries && memory.finding == .whole)
        }
        #expect(JournalMemory().finding == .fresh)
    }

    /// Whatever bit is turned, what comes back is the beginning of what was written.
    @Test func aChangedBitCutsTheRestOff() {
        let (memory, entries) = journal(16, seed: 7)
        let image = memory.image
        var shorter = 0
        for place in image.indices {
            var changed = image
            changed[place] ^= 1 << UInt8(place & 7)
            let (kept, finding) = JournalMemory(changed).found { ($0.entries, $0.finding) }
            #expect(kept == Array(entries.prefix(kept.count)))
            guard kept.count < entries.count else { continue }
            shorter += 1
            switch finding {
            case .cut(let bytes): #expect(bytes > 0)
            case .foreign: #expect(kept.isEmpty)
            case .fresh, .whole: Issue.record("byte \(place): \(entries.count - kept.count) entries are missing and nobody says so")
            }
        }
        #expect(shorter > 500)
    }

    /// A journal whose end is lost, anywhere, goes on from what is left of it.
    @Test func aLostEndIsCutOff() {
        let (memory, entries) = journal(16, seed: 8)
        let image = memory.image
        for end in stride(from: 64, to: image.count, by: 8) {
            let memory = JournalMemory(Array(image[..<end]) + [UInt8](repeating: 0, count: image.count - end))
            let more = Journal.Entry(kind: 99, bytes: [1, 2, 3])
            let kept = memory.found { journal in
                defer { journal.append(more) }
                return journal.entries
            }
            #expect(kept == Array(entries.prefix(kept.count)))
            #expect(memory.entries == kept + [more] && memory.finding == .whole)
        }
    }

    @Test func foreignMemoryIsSetAside() {
        var generator = SeededGenerator(seed: 9)
        for _ in 0..<50 {
            let memory = JournalMemory((0..<Journal.smallest).map { _ in UInt8(truncatingIfNeeded: generator.next()) })
            let entry = Journal.Entry(kind: 1, bytes: [5])
            let (finding, entries) = memory.found { journal in
                defer { journal.append(entry) }
                return (journal.finding, journal.entries)
            }
            #expect(finding == .foreign && entries.isEmpty && memory.entries == [entry])
        }
    }

    /// A process that dies in the middle of an entry has stored any of its words but not the end of the half; then the entry
    /// does not count, and those before do.
    @Test func aTornEntryDoesNotCount() {
        var generator = SeededGenerator(seed: 10)
        let memory = JournalMemory()
        var entries: [Journal.Entry] = []
        memory.found { journal in
            for number in 0..<20 {
                let before = memory.image
                let next = entry(number, &generator)
                journal.append(next)
                let after = memory.image
                for _ in 0..<20 {
                    var torn = before
                    for word in stride(from: 64, to: torn.count, by: 8) where generator.next() & 1 == 1 {
                        for place in word..<(word + 8) { torn[place] = after[place] }
                    }
                    let (kept, finding) = JournalMemory(torn).found { ($0.entries, $0.finding) }
                    #expect(kept == entries && finding != .foreign)
                }
                entries.append(next)
                #expect(JournalMemory(after).entries == entries)
            }
        }
    }

    /// A fresh text is in force with one store, and not before.
    @Test func aFreshTextTakesThePlaceAtOnce() {
        var generator = SeededGenerator(seed: 11)
        let memory = JournalMemory()
        memory.found { journal in
            for round in 0..<9 {
                let old = journal.entries
                let new = (0..<8).map { entry(round * 8 + $0, &generator) }
                journal.beginFresh()
                for entry in new {
                    journal.appendFresh(entry)
                    #expect(JournalMemory(memory.image).entries == old)
                }
                if round % 3 == 2 {
                    journal.abandonFresh()
                    #expect(JournalMemory(memory.image).entries == old)
                } else {
                    journal.finishFresh()
                    let now = journal.entries
                    #expect(JournalMemory(memory.image).entries == new && now == new)
                }
            }
        }
    }

    @Test func roomIsKnown() {
        let memory = JournalMemory()
        memory.found { journal in
            var count = 0
            while journal.hasRoom(for: 100) {
                journal.append(Journal.Entry(kind: 1, bytes: [UInt8](repeating: 7, count: 100)))
                count += 1
            }
            let (capacity, entries) = (journal.capacity, journal.entries)
            #expect(count == capacity / 128 && entries.count == count)
            let hasRoom = journal.hasRoom(for: .max / 2)
            #expect(!hasRoom)
        }
        #expect(Journal.size(services: 8_000, servers: 37_000, files: 1 << 21) < 128 << 20)
    }

    @Test func recordsComeBack() {
        let promise = JournalRecord.KeptAnswer(request: RequestNumber(client: 7, number: .max), packet: [1, 2, 3])
        var records: [JournalRecord] = [
            .answer(promise), .files(count: 0), .files(count: .max), .piece(name: "services", bytes: Array("ä\n".utf8)),
        ]
        for command in ControlExamples.commands {
            records.append(.command(command, nil))
            records.append(.command(command, promise))
        }
        for record in records {
            let entry = record.entry
            #expect(entry.flatMap { JournalRecord($0) } == record)
            guard let entry else { continue }
            for end in entry.bytes.indices { _ = JournalRecord(Journal.Entry(kind: entry.kind, bytes: Array(entry.bytes[..<end]))) }
        }
        // More ranges than an attribute holds.
        var ranged = ControlExamples.ranged
        ranged.ranges = [ClosedRange<UInt16>](repeating: 80...80, count: ControlConstants.maximumRanges + 1)
        #expect(JournalRecord.command(.deleteService(ranged), nil).entry == nil)
        #expect(JournalRecord(Journal.Entry(kind: 77, bytes: [])) == nil)
    }
}
