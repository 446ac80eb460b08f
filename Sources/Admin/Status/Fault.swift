/// Something that is not as it should be: what, why it matters, and what cures it.
public struct Fault: Hashable, Sendable {
    /// A word for programs: `arp-ignore`.
    public var code: String
    public var text: String
    /// A command, or what to do; empty where that depends.
    public var cure: String

    public init(_ code: String, _ text: String, cure: String = "") { (self.code, self.text, self.cure) = (code, text, cure) }

    /// Faults as people read them: what it is, and below it the cure.
    public static func text(of faults: [Fault]) -> String {
        faults.map { "\($0.code): \($0.text)\n" + ($0.cure.isEmpty ? "" : "    \($0.cure)\n") }.joined()
    }

    /// A list of objects, on one line.
    public static func json(of faults: [Fault]) -> String {
        JSONValue.list(faults.map { .object(["code": .text($0.code), "text": .text($0.text), "cure": .text($0.cure)]) }).written + "\n"
    }
}
