import Wire

/// What a state begins with: what it is, and for whom. The same for every layout, and for ever.
struct StateHeader: BitwiseCopyable {
    static let magic: UInt64 = 0x5356_5353_5441_5445
    static let placeLength = 32

    private(set) var magic: UInt64 = 0
    private(set) var layoutNumber: UInt64
    private(set) var size: UInt64
    private(set) var connections: UInt64
    private(set) var seed: UInt64
    private var origin = InlineArray<4, UInt64>(repeating: 0)
    /// Bytes of the layout's description, and a sum over them.
    private(set) var words: UInt64
    private(set) var wordsCheck: UInt64
    private var check: UInt64 = 0

    init(size: Int, connections: Int, seed: UInt64, place: [UInt8], words: Int, wordsCheck: UInt64, layout: UInt64 = StateLayout.number) {
        layoutNumber = layout
        self.size = UInt64(size)
        self.connections = UInt64(connections)
        self.seed = seed
        self.words = UInt64(words)
        self.wordsCheck = wordsCheck
        for (index, byte) in place.prefix(Self.placeLength).enumerated() { origin[index / 8] |= UInt64(byte) << UInt64(index % 8 * 8) }
        check = expectedCheck
    }

    /// The caller's bytes.
    var place: [UInt8] { (0..<Self.placeLength).map { UInt8(truncatingIfNeeded: origin[$0 / 8] >> UInt64($0 % 8 * 8)) } }

    /// It is as it was written.
    var isSound: Bool { check == expectedCheck }

    private var expectedCheck: UInt64 {
        StateCheck.of([layoutNumber, size, connections, seed, words, wordsCheck] + (0..<4).map { origin[$0] })
    }
}

extension SlabView<StateHeader> {
    /// Writes the header; the magic number comes last.
    func begin(_ header: StateHeader) {
        self[0] = header
        Self.publish()
        self[0].finish()
    }
}

extension StateHeader {
    fileprivate mutating func finish() { magic = Self.magic }
}
