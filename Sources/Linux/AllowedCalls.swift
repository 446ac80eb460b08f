/// System calls that a director may make after its start, and what for.
public struct AllowedCalls: Sendable {
    /// As the kernel names them. What a machine does not have it does without.
    public var names: [String]
    /// The call is allowed where one of these holds; without any, always.
    public var conditions: [ArgumentCondition]
    /// What the director, Swift's runtime or the C library needs them for.
    public var purpose: String

    init(_ names: String, only conditions: [ArgumentCondition] = [], _ purpose: String) {
        self.names = names.split(separator: " ").map(String.init)
        self.conditions = conditions
        self.purpose = purpose
    }
}

/// What the arguments of a call must be, as the kernel gets them in registers; what they point to is not looked at.
public struct ArgumentCondition: Sendable {
    /// For documents: `F_GETFL`, `without PROT_EXEC`.
    public var words: String
    /// All of them hold.
    var comparisons: [ArgumentComparison]

    init(_ words: String, _ comparisons: ArgumentComparison...) {
        self.words = words
        self.comparisons = comparisons
    }
}

/// One argument, counted from 0, against a number.
enum ArgumentComparison: Sendable {
    case equal(UInt32, UInt64)
    case not(UInt32, UInt64)
    /// The bits of the mask are these.
    case masked(UInt32, mask: UInt64, UInt64)
}
