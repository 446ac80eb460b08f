import Admin
import CLinux
import Glibc
import Linux
import SystemPackage

/// A terminal that is drawn on as a whole, and is as it was before when this ends.
final class Screen {
    /// What somebody at the terminal does, or what becomes of it.
    enum Event {
        case key(Key), resized, ended
    }

    enum Key: Hashable { case letter(Character), up, down, pageUp, pageDown, home }

    private var before = termios()
    private let signals: Signals
    private let poller: Poller
    private var isOpen = true
    private static let signalToken: UInt64 = 0, inputToken: UInt64 = 1

    /// Takes the terminal of standard input and output.
    /// - Throws: `CommandFailure` where one of them is none.
    init() throws {
        guard isatty(0) == 1, isatty(1) == 1, tcgetattr(0, &before) == 0 else {
            throw CommandFailure("standard input and output are no terminal: svs top --once prints what there is")
        }
        signals = try Signals([.terminate, .interrupt, .hangUp, .windowChanged])
        poller = try Poller()
        try poller.watch(signals.descriptor, as: Self.signalToken)
        try poller.watch(0, as: Self.inputToken)
        var raw = before
        raw.c_lflag &= ~tcflag_t(ICANON | ECHO)
        tcsetattr(0, TCSANOW, &raw)
        // Another page of the terminal, without a cursor.
        Terminal.write("\u{1b}[?1049h\u{1b}[?25l", to: 1)
    }

    deinit { close() }

    /// Gives the terminal back.
    func close() {
        guard isOpen else { return }
        isOpen = false
        Terminal.write("\u{1b}[?25h\u{1b}[?1049l", to: 1)
        tcsetattr(0, TCSANOW, &before)
    }

    /// Columns and rows; what is usual where the terminal does not know.
    var size: (width: Int, height: Int) {
        var rows: UInt16 = 0, columns: UInt16 = 0
        guard svs_terminal_size(1, &rows, &columns) == 0, rows > 0, columns > 0 else { return (80, 24) }
        return (Int(columns), Int(rows))
    }

    /// Shows lines in the place of all that is there.
    /// - Returns: false where the terminal takes nothing any more.
    func draw(_ lines: [TopText.Line]) -> Bool {
        let bold = "\u{1b}[1m", reverse = "\u{1b}[7m", red = "\u{1b}[31m", plain = "\u{1b}[0m"
        let text = lines.map { line in
            let style =
                switch line.style {
                case .plain: ""
                case .strong: bold
                case .title: reverse
                case .fault: Self.hasColour ? red : bold
                }
            return style + Quote.escaped(line.text) + (style.isEmpty ? "" : plain) + "\u{1b}[K"
        }.joined(separator: "\r\n")
        return Terminal.write("\u{1b}[H" + text + "\u{1b}[J", to: 1) == 0
    }

    private static let hasColour = getenv("NO_COLOR") == nil

    /// What happens within some milliseconds; nothing where nothing does.
    func events(within milliseconds: Int32) throws(Errno) -> [Event] {
        var events: [Event] = []
        for place in try poller.wait(milliseconds: milliseconds) {
            if poller[place] == Self.inputToken {
                events += input()
            } else {
                while let signal = signals.next() { events.append(signal == .windowChanged ? .resized : .ended) }
            }
        }
        return events
    }

    private func input() -> [Event] {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(0, &bytes, bytes.count)
        guard count > 0 else { return [.ended] }
        let sequences: [(String, Key)] = [
            ("\u{1b}[A", .up), ("\u{1b}[B", .down), ("\u{1b}[5~", .pageUp), ("\u{1b}[6~", .pageDown), ("\u{1b}[H", .home),
            ("\u{1b}OA", .up), ("\u{1b}OB", .down),
        ]
        var text = Substring(decoding: bytes.prefix(count), as: UTF8.self), events: [Event] = []
        while let first = text.first {
            if let (words, key) = sequences.first(where: { text.hasPrefix($0.0) }) {
                events.append(.key(key))
                text = text.dropFirst(words.count)
            } else {
                events.append(.key(.letter(first)))
                text = text.dropFirst()
            }
        }
        return events
    }
}
