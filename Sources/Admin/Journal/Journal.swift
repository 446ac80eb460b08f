internal import CLinux
public import LVS

/// An append-only list of entries in memory that somebody else lends, zero at first, which outlives the process that writes it:
/// a shared mapping holds after SIGKILL the stores that were made, in their order.
///
/// The memory has a header and two halves. One half is in force; the other one takes a fresh text of what stands (`beginFresh`)
/// until one store puts it in force (`finishFresh`). An entry counts once the end of its half has been moved behind it, by one
/// store too, and when its checksum stands; so whatever store a process dies at, whole entries are read back and no other.
/// What does not stand in the middle is cut off with everything behind it.
public struct Journal {
    /// One entry; what it means is its kind's business.
    public struct Entry: Hashable, Sendable {
        public var kind: UInt32
        public var bytes: [UInt8]

        public init(kind: UInt32, bytes: [UInt8]) {
            self.kind = kind
            self.bytes = bytes
        }
    }

    /// What was there when the memory was taken over.
    public enum Finding: Hashable, Sendable {
        /// Nothing: memory that is zero.
        case fresh
        /// All that was ever counted.
        case whole
        /// The beginning; as many bytes behind it were no entries.
        case cut(Int)
        /// Something that is no journal of this layout; it was set aside, that is, overwritten.
        case foreign

        /// What is lost by it, in words; `nil` when nothing is.
        public var loss: String? {
            switch self {
            case .fresh, .whole: nil
            case .cut(let bytes): "its last \(bytes) bytes do not stand and are left out"
            case .foreign: "the memory holds something else; it begins anew"
            }
        }
    }

    public let finding: Finding
    private let memory: UnsafeMutableRawBufferPointer
    /// Where memory has to be asked for before it is written to.
    private let backing: MemoryBacking?
    /// Counts the fresh texts; its lowest bit is the half in force.
    private var turn: UInt32
    private var written: Text
    /// The half that takes a fresh text, while there is one.
    private var fresh: Text?

    private struct Text {
        /// Where it begins in the memory.
        var start: Int
        var turn: UInt32
        var index: UInt32 = 0
        /// Bytes of its entries.
        var end = 0
    }

    /// Where the words of the header stand, and what an entry has in front of its bytes:
    /// {u32 bytes, u32 kind, u64 turn and index, u64 checksum}, in the machine's byte order.
    private enum Offset {
        static let magic = 0, capacity = 8, turn = 16, ends = 24, header = 64, entry = 24
        /// "SVSJRN" and the layout's version.
        static let word: UInt64 = 0x5356_534a_524e_0001
    }

    /// Takes over what is in `memory`, which stays where it is and is lent until the journal goes.
    /// - Precondition: it begins at a multiple of 8 and has at least `smallest` bytes.
    public init(_ memory: UnsafeMutableRawBufferPointer, backing: MemoryBacking? = nil) {
        self.backing = backing
        precondition(memory.count >= Self.smallest && Int(bitPattern: memory.baseAddress) & 7 == 0)
        self.memory = memory
        let capacity = Self.capacity(memory.count)
        let magic = svs_observe(memory.baseAddress)
        let turn = Self.unguarded(memory.load(fromByteOffset: Offset.turn, as: UInt64.self))
        if magic == Offset.word, memory.load(fromByteOffset: Offset.capacity, as: UInt64.self) == UInt64(capacity), let turn {
            self.turn = turn
            written = Text(start: Self.start(turn, capacity), turn: turn)
            let end = Self.unguarded(svs_observe(memory.baseAddress?.advanced(by: Self.endPlace(turn))))
            let limit = min(end.map { Int($0) * 8 } ?? capacity, capacity)
            while let entry = Self.entry(in: memory, written, limit) { Self.step(over: entry.bytes.count, &written) }
            finding = end.map { Int($0) * 8 } == written.end ? .whole : .cut(max(limit - written.end, 8))
        } else {
            finding = magic == 0 ? .fresh : .foreign
            self.turn = 0
            written = Text(start: Self.start(0, capacity), turn: 0)
            // Not in force before everything else stands.
            svs_publish(memory.baseAddress, 0)
            memory.storeBytes(of: UInt64(capacity), toByteOffset: Offset.capacity, as: UInt64.self)
            memory.storeBytes(of: Self.guarded(0), toByteOffset: Offset.turn, as: UInt64.self)
        }
        publishEnd(written)
        svs_publish(memory.baseAddress, Offset.word)
    }

    /// Fewest bytes that make a journal.
    public static var smallest: Int { 4096 }

    /// Bytes to lend for so many services and servers and files of so many bytes in all, so that their fresh text takes a third
    /// of a half at most. More may be lent, and memory that nobody has touched costs nothing.
    public static func size(services: Int, servers: Int, files: Int) -> Int {
        let text = (services + servers) * 320 + files * 2 + 65_536
        return (Offset.header + 2 * 3 * text + 4095) & ~4095
    }

    // Reading

    /// Calls `each` for every entry that counts, oldest first.
    public func forEach(_ each: (Entry) -> Void) {
        var place = Text(start: written.start, turn: written.turn)
        while let entry = Self.entry(in: memory, place, written.end) {
            Self.step(over: entry.bytes.count, &place)
            each(entry)
        }
    }

    public var entries: [Entry] {
        var all: [Entry] = []
        forEach { all.append($0) }
        return all
    }

    private static func entry(in memory: UnsafeMutableRawBufferPointer, _ place: Text, _ limit: Int) -> Entry? {
        guard place.end + Offset.entry <= limit else { return nil }
        let start = place.start + place.end
        let count = Int(memory.load(fromByteOffset: start, as: UInt32.self))
        let kind = memory.load(fromByteOffset: start + 4, as: UInt32.self)
        guard memory.load(fromByteOffset: start + 8, as: UInt64.self) == number(place), length(count) <= limit - place.end else {
            return nil
        }
        let body = UnsafeRawBufferPointer(rebasing: memory[(start + Offset.entry)..<(start + length(count))])
        guard memory.load(fromByteOffset: start + 16, as: UInt64.self) == checksum(kind, count, place, body) else { return nil }
        return Entry(kind: kind, bytes: Array(body.prefix(count)))
    }

    // Writing

    /// Bytes that the entries in force take, and that a half has for them.
    public var usedBytes: Int { written.end }
    public var capacity: Int { Self.capacity(memory.count) }

    /// Whether an entry of so many bytes finds room: in force, and in the fresh text if there is one under way.
    public func hasRoom(for count: Int) -> Bool {
        has(count, behind: written) && freshHasRoom(for: count)
    }

    /// Whether it finds room in the fresh text, if there is one.
    public func freshHasRoom(for count: Int) -> Bool {
        guard let fresh else { return Self.length(count) <= capacity }
        return has(count, behind: fresh)
    }

    private func has(_ count: Int, behind text: Text) -> Bool {
        let length = Self.length(count), start = text.start + text.end
        return length <= capacity - text.end && backing?.has(start..<start + length) != false
    }

    /// Appends an entry to what is in force. Room for it has been asked for.
    public mutating func append(_ entry: Entry) { write(entry, to: &written) }

    // A fresh text

    /// Whether a fresh text is being written.
    public var isFresh: Bool { fresh != nil }

    /// Begins a fresh text; one that was under way is forgotten.
    public mutating func beginFresh() {
        let half = Text(start: Self.start(turn &+ 1, capacity), turn: turn &+ 1)
        publishEnd(half)
        fresh = half
    }

    /// Appends an entry to the fresh text. Room for it has been asked for.
    public mutating func appendFresh(_ entry: Entry) {
        guard var half = fresh else { return }
        write(entry, to: &half)
        fresh = half
    }

    /// Puts the fresh text in force, with one store.
    public mutating func finishFresh() {
        guard let half = fresh else { return }
        (turn, written, fresh) = (half.turn, half, nil)
        svs_publish(memory.baseAddress?.advanced(by: Offset.turn), Self.guarded(turn))
    }

    /// Forgets the fresh text.
    public mutating func abandonFresh() { fresh = nil }

    private func write(_ entry: Entry, to half: inout Text) {
        let start = half.start + half.end, count = entry.bytes.count, length = Self.length(count)
        precondition(length <= capacity - half.end)
        let body = UnsafeMutableRawBufferPointer(rebasing: memory[(start + Offset.entry)..<(start + length)])
        body.copyBytes(from: entry.bytes)
        for place in count..<body.count { body[place] = 0 }
        memory.storeBytes(of: UInt32(count), toByteOffset: start, as: UInt32.self)
        memory.storeBytes(of: entry.kind, toByteOffset: start + 4, as: UInt32.self)
        memory.storeBytes(of: Self.number(half), toByteOffset: start + 8, as: UInt64.self)
        let checksum = Self.checksum(entry.kind, count, half, UnsafeRawBufferPointer(body))
        memory.storeBytes(of: checksum, toByteOffset: start + 16, as: UInt64.self)
        Self.step(over: count, &half)
        publishEnd(half)
    }

    private func publishEnd(_ half: Text) {
        svs_publish(memory.baseAddress?.advanced(by: Self.endPlace(half.turn)), Self.guarded(UInt32(half.end / 8)))
    }

    // Numbers

    private static func capacity(_ count: Int) -> Int { ((count - Offset.header) / 2) & ~7 }
    private static func start(_ turn: UInt32, _ capacity: Int) -> Int { Offset.header + Int(turn & 1) * capacity }
    private static func endPlace(_ turn: UInt32) -> Int { Offset.ends + Int(turn & 1) * 8 }
    /// Bytes of an entry with `count` bytes of its own.
    private static func length(_ count: Int) -> Int { (Offset.entry + count + 7) & ~7 }
    private static func number(_ half: Text) -> UInt64 { UInt64(half.turn) << 32 | UInt64(half.index) }

    private static func step(over count: Int, _ half: inout Text) {
        half.end += length(count)
        half.index &+= 1
    }

    /// A number that says of itself whether it stands: zeros and chance do not.
    private static func guarded(_ number: UInt32) -> UInt64 { UInt64(~number) << 32 | UInt64(number) }
    private static func unguarded(_ word: UInt64) -> UInt32? {
        let number = UInt32(truncatingIfNeeded: word)
        return guarded(number) == word ? number : nil
    }

    /// Each word goes through a bijection of the whole state (the multiplier of splitmix64), so that a change of any one word
    /// changes the result.
    private static func checksum(_ kind: UInt32, _ count: Int, _ half: Text, _ body: UnsafeRawBufferPointer) -> UInt64 {
        var state: UInt64 = 0x9e37_79b9_7f4a_7c15
        func add(_ word: UInt64) {
            state = (state ^ word) &* 0xbf58_476d_1ce4_e5b9
            state ^= state &>> 31
        }
        add(UInt64(kind) << 32 | UInt64(count))
        add(number(half))
        for place in stride(from: 0, to: body.count, by: 8) { add(body.load(fromByteOffset: place, as: UInt64.self)) }
        return state
    }
}
