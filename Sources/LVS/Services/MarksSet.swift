/// Ranges of one or several values, as the elements of a set or the keys of a map.
///
/// Found by bisection where the first ranges of the elements do not contain each other, which is so in all sets without
/// intervals; in the others one after the other.
public struct MarkSet: Hashable, Sendable {
    /// Values in a key.
    public let width: Int
    /// `width` ranges for each element.
    private let ranges: [ClosedRange<UInt128>]
    /// Where each element stood before they were ordered.
    private let places: [Int]
    /// Lower and upper ends of the elements' first ranges both rise.
    private let isOrdered: Bool

    /// - Parameter elements: each of `width` ranges, at least one.
    public init(width: Int = 1, _ elements: [[ClosedRange<UInt128>]]) {
        self.width = width
        let order = elements.indices.sorted {
            let a = elements[$0][0], b = elements[$1][0]
            return (a.lowerBound, a.upperBound, $0) < (b.lowerBound, b.upperBound, $1)
        }
        places = order
        ranges = order.flatMap { elements[$0] }
        isOrdered = zip(order, order.dropFirst()).allSatisfy { elements[$0][0].upperBound <= elements[$1][0].upperBound }
    }

    public init(_ ranges: [ClosedRange<UInt128>]) { self.init(ranges.map { [$0] }) }

    public var count: Int { places.count }

    /// The ranges of each element, in the order in which they are found.
    public var elements: [ArraySlice<ClosedRange<UInt128>>] { (0..<count).map { ranges[$0 * width..<($0 + 1) * width] } }

    /// The single ranges of a set of one value.
    var singles: [ClosedRange<UInt128>] { width == 1 ? ranges : [] }

    /// The place that an element had in the list which the set was made from; `nil` when none holds the key.
    func place(of key: some RandomAccessCollection<UInt128>) -> Int? {
        guard let first = key.first else { return nil }
        guard isOrdered else { return (0..<count).filter { holds($0, key) }.map { places[$0] }.min() }
        var low = 0, high = count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle * width].upperBound < first { low = middle + 1 } else { high = middle }
        }
        var best: Int?
        while low < count, ranges[low * width].lowerBound <= first {
            if holds(low, key) { best = min(best ?? places[low], places[low]) }
            low += 1
        }
        return best
    }

    private func holds(_ element: Int, _ key: some RandomAccessCollection<UInt128>) -> Bool {
        zip(ranges[element * width..<(element + 1) * width], key).allSatisfy { $0.contains($1) }
    }
}

/// What a rule asks a set or a map for.
public struct MarkLookup: Hashable, Sendable {
    public var terms: [MarkTerm]
    public var set: MarkSet

    /// - Parameter terms: as many as a key of the set has values.
    public init(_ terms: [MarkTerm], in set: MarkSet) {
        self.terms = terms
        self.set = set
    }

    /// A field whose value lies in one of some ranges.
    public init(_ field: MarkField, _ ranges: [ClosedRange<UInt128>]) {
        self.init([MarkTerm(field)], in: MarkSet(ranges))
    }

    /// What came of it.
    enum Answer: Hashable { case unreadable, absent, found(Int) }

    func answer(for packet: MarkQuery, _ state: MarkState) -> Answer {
        if terms.count == 1 {
            guard let value = terms[0].value(in: packet, state) else { return .unreadable }
            return set.place(of: CollectionOfOne(value)).map { .found($0) } ?? .absent
        }
        var key: [UInt128] = []
        for term in terms {
            guard let value = term.value(in: packet, state) else { return .unreadable }
            key.append(value)
        }
        return set.place(of: key).map { .found($0) } ?? .absent
    }
}
