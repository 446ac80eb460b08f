public import Wire

extension SeededGenerator {
    /// A number below `limit`.
    public mutating func next(_ limit: UInt64) -> UInt64 { next() % limit }

    public mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}
