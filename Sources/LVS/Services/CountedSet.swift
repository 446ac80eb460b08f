/// How often each of some things is there, so that one that several have is gone with the last of them only.
struct CountedSet<Element: Hashable> {
    private var counts: [Element: Int] = [:]

    /// Every element that is there, once.
    var elements: Dictionary<Element, Int>.Keys { counts.keys }

    func contains(_ element: Element) -> Bool { counts[element] != nil }

    /// Whether it was not there before.
    @discardableResult
    mutating func add(_ element: Element) -> Bool {
        let count = counts[element, default: 0]
        counts[element] = count + 1
        return count == 0
    }

    /// Whether it is not there any more.
    @discardableResult
    mutating func remove(_ element: Element) -> Bool {
        guard let count = counts[element] else { return false }
        counts[element] = count > 1 ? count - 1 : nil
        return count == 1
    }
}
