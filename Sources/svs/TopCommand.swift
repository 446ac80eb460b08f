import Admin
import ArgumentParser
import CLinux
import LVS
import SystemPackage

/// What the rows of `svs top` are ordered by.
struct TopOrderOption: ExpressibleByArgument {
    var order = TopText.Order.name

    init() {}

    init?(argument: String) {
        guard let order = TopText.Order(rawValue: argument) else { return nil }
        self.order = order
    }

    var defaultValueDescription: String { order.rawValue }
    static var allValueStrings: [String] { TopText.Order.allCases.map(\.rawValue) }
}

/// `svs top`: a running director's rates, live.
struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Show the rates of services and servers, live in a terminal.",
        discussion: """
            Keys: q quits; n, a, c, p, b order by name, active connections, connections, packets, bytes a second; s shows services \
            alone, or their servers too; blank holds what is shown; the arrows, Page Up and Page Down scroll. Rates are those of \
            'svs adm -L --rate': of the last few seconds. A line in red is what 'svs status --check' would say.

            Where there is no terminal, --once prints all of it, once.
            """)
    @Option(name: .customLong("sort"), help: ArgumentHelp("What comes first.", valueName: "column")) var order = TopOrderOption()
    @Option(help: ArgumentHelp("Ask the director so often.", valueName: "seconds")) var interval: UInt32 = 2
    @Flag(help: "Print everything once, for no terminal.") var once = false
    @OptionGroup var reach: ControlOptions

    func validate() throws {
        guard (1...3600).contains(interval) else { throw ValidationError("--interval: 1 to 3600 seconds are possible") }
    }

    func run() throws {
        try withClearErrors {
            let client = try reach.client()
            var view = TopText.View()
            view.order = order.order
            guard !once else { return print(TopText(try client.status(), try client.inventory(), view).whole, terminator: "") }
            let screen = try Screen()
            defer { screen.close() }
            try watch(client, screen, &view)
        }
    }

    private func watch(_ client: ControlClient, _ screen: Screen, _ view: inout TopText.View) throws {
        var status = try client.status(), inventory = try client.inventory()
        var due = svs_clock()
        while true {
            let now = svs_clock()
            if now >= due {
                if !view.isPaused { (status, inventory) = (try client.status(), try client.inventory()) }
                due = now + UInt64(interval) * 1_000_000_000
            }
            let text = TopText(status, inventory, view), size = screen.size
            view.offset = max(min(view.offset, text.count - 1), 0)
            guard screen.draw(text.screen(width: size.width, height: size.height)) else { return }
            let left = due > svs_clock() ? (due - svs_clock()) / 1_000_000 + 1 : 0
            for event in try screen.events(within: Int32(left)) {
                guard case .key(let key) = event else {
                    if case .ended = event { return }
                    continue
                }
                guard key != .letter("q"), key != .letter("Q") else { return }
                Self.take(key, &view, page: max(size.height - 6, 1))
            }
        }
    }

    private static let orders: [Character: TopText.Order] = [
        "n": .name, "a": .active, "c": .connections, "p": .packets, "b": .bytes,
    ]

    private static func take(_ key: Screen.Key, _ view: inout TopText.View, page: Int) {
        switch key {
        case .up: view.offset = max(view.offset - 1, 0)
        case .down: view.offset += 1
        case .pageUp: view.offset = max(view.offset - page, 0)
        case .pageDown: view.offset += page
        case .home: view.offset = 0
        case .letter("s"): view.showsServers.toggle()
        case .letter(" "): view.isPaused.toggle()
        case .letter(let letter):
            guard let order = orders[letter] else { return }
            (view.order, view.offset) = (order, 0)
        }
    }
}
