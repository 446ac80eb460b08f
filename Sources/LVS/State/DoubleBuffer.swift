import Wire

/// A record that is replaced as a whole: the new one is written beside the old one, then one store says which of them
/// stands. All zero it was never written.
struct DoubleBuffer<Record: BitwiseCopyable>: BitwiseCopyable {
    /// Times that it was written; the even ones stand in `even`.
    private(set) var turn: UInt64
    private(set) var even: Record
    private(set) var odd: Record

    /// Never written; the record means nothing.
    init(_ record: Record) {
        turn = 0
        even = record
        odd = record
    }

    @inline(__always)
    mutating func store(_ record: Record) {
        if turn & 1 == 0 { odd = record } else { even = record }
        SlabView<Record>.publish()
        turn &+= 1
    }

    /// The record that stands; `nil` when it was never written.
    var record: Record? { turn == 0 ? nil : turn & 1 == 0 ? even : odd }
}
