/// A number with its noun: `1 case`, `2 cases`, `0 frames`.
public func counted(_ number: some BinaryInteger, _ noun: String) -> String { "\(number) \(noun)" + (number == 1 ? "" : "s") }
