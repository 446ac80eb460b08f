import Glibc

/// A bar on the last line of a terminal; nothing where standard error is none.
struct ProgressBar {
    private let total: Int
    private var done = 0
    private let isVisible = isatty(2) == 1

    init(of total: Int) { self.total = total }

    mutating func advance() { done += 1 }

    func show() {
        guard isVisible, total > 0, done < total else { return }
        Terminal.write("\r\(ProgressLine.bar(UInt64(done), of: UInt64(total))) \(done)/\(total)", to: 2)
    }

    /// Takes the bar away, so that a line can be printed in its place.
    func hide() {
        guard isVisible else { return }
        fflush(nil)
        Terminal.write("\r\u{1b}[K", to: 2)
    }
}

/// A line that is written over and over on a terminal; nothing where standard error is none.
struct ProgressLine {
    /// `[####......]`, 40 columns of it.
    static func bar(_ done: UInt64, of total: UInt64) -> String {
        let width: UInt64 = 40, filled = Int(total > 0 ? done * width / total : width)
        return "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: Int(width) - filled) + "]"
    }

    private let isVisible = isatty(2) == 1
    private var shown = ""

    mutating func show(_ text: String) {
        guard isVisible, text != shown else { return }
        shown = text
        Terminal.write("\r\u{1b}[K" + text, to: 2)
    }

    /// Takes the line away.
    func hide() { if isVisible, !shown.isEmpty { Terminal.write("\r\u{1b}[K", to: 2) } }
}
