/// Sees to it that there is memory behind a part of a file before something is written there: where a file system is full, a store
/// into a hole would end the process.
public final class MemoryBacking {
    /// Bytes that are asked for at once.
    private static let chunk = 1 << 19

    private var isThere: [Bool]
    private let provide: (Range<Int>) -> Bool
    /// Is called when there is no memory for the first time.
    public var refused: () -> Void = {}
    private var hasRefused = false

    /// - Parameters:
    ///   - size: bytes of the file.
    ///   - provide: makes memory for a part of it, which may have some already; false when there is none.
    public init(size: Int, provide: @escaping (Range<Int>) -> Bool) {
        isThere = [Bool](repeating: false, count: (size + Self.chunk - 1) / Self.chunk)
        self.provide = provide
    }

    /// The memory was given back.
    public func forget() { for place in isThere.indices { isThere[place] = false } }

    /// Whether there is memory behind these bytes.
    public func has(_ bytes: Range<Int>) -> Bool {
        guard !bytes.isEmpty else { return true }
        for place in bytes.lowerBound / Self.chunk...(bytes.upperBound - 1) / Self.chunk where !isThere[place] {
            guard provide(place * Self.chunk..<(place + 1) * Self.chunk) else {
                if !hasRefused { refused() }
                hasRefused = true
                return false
            }
            isThere[place] = true
        }
        return true
    }
}

/// The memory behind the records of one block.
struct BlockBacking {
    let backing: MemoryBacking?
    let offset: Int
    let stride: Int

    /// Whether the record at a place may be written.
    func has(_ place: Int) -> Bool {
        guard let backing else { return true }
        let start = offset + place * stride
        return backing.has(start..<start + stride)
    }
}

extension StateLayout.Block {
    func backed(by backing: MemoryBacking?) -> BlockBacking {
        BlockBacking(backing: backing, offset: offset, stride: MemoryLayout<Element>.stride)
    }
}
