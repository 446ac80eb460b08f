/// Why something cannot be run, in a sentence.
public struct RunError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
