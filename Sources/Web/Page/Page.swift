internal import Admin
internal import LVS

/// The page: numbers and charts are in the text that is sent, so that it says all it has to say without a script. What changes stands
/// in parts, which the script fetches again and puts in the place of the old ones.
struct Page {
    enum Subject: Sendable {
        case overview(ServiceChoice)
        /// A service with its servers, by its number.
        case service(UInt64, ServiceChoice)
        /// A packet and what the director says of it.
        case explanation((packet: String, answer: Explainer.Answer)?)
    }

    private let view: Observer.View
    private let subject: Subject
    private let now: Instant

    init(_ view: Observer.View, _ subject: Subject, at now: Instant) { (self.view, self.subject, self.now) = (view, subject, now) }

    private var observation: ObservedDirector { view.observation ?? ObservedDirector() }

    private var service: ObservedService? {
        guard case .service(let number, _) = subject else { return nil }
        return observation.services.first { $0.load.number == number }
    }

    /// Whether there is what is asked for.
    var isThere: Bool {
        if case .service = subject { return service != nil }
        return true
    }

    private var title: String {
        switch subject {
        case .overview: "Swift Virtual Server"
        case .service: service.map { "\($0.load.key)" } ?? "no such service"
        case .explanation: "Explain a packet"
        }
    }

    /// All of it.
    var document: String {
        let body: HTML = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>\(title) · svs</title>
            <link rel="icon" href="/icon.svg" type="image/svg+xml">
            <link rel="stylesheet" href="/style.css">
            <script src="/script.js" defer></script>
            \(refresh)
            </head>
            <body>
            <a class="skip" href="#main">To the numbers</a>
            <header>
            <a class="brand" href="/"><svg viewBox="0 0 32 32" aria-hidden="true"><path d="M16 4v8M16 12L6 22M16 12v10M16 12l10 10"/>\
            <circle cx="16" cy="5" r="3.5"/><circle cx="6" cy="25" r="3.5"/><circle cx="16" cy="25" r="3.5"/><circle cx="26" cy="25" r="3.5"/>\
            </svg><span>Swift Virtual Server</span></a>
            <form class="ask" action="/explain" role="search" aria-label="Explain a packet">
            <input id="packet" name="packet" maxlength="\(Explainer.longestPacket)" value="\(packet)" autocomplete="off" autocapitalize="off" \
            spellcheck="false" placeholder="tcp 198.51.100.7:5555 &gt; VIP:80 SYN" aria-label="A packet in words" title="e">
            <button>Explain</button>
            </form>
            <button id="live" class="quiet" type="button" aria-pressed="true" hidden>live</button>
            </header>
            <main id="main">
            \(sections)
            </main>
            <footer>Keys: <kbd>/</kbd> filter · <kbd>e</kbd> explain · <kbd>p</kbd> pause · <a href="/metrics">metrics</a> · \
            <a href="/status.json">status.json</a></footer>
            </body>
            </html>

            """
        return body.description
    }

    /// What is fetched again.
    var parts: String { sections.description }

    /// Whether its numbers change by themselves.
    private var isLive: Bool {
        if case .explanation = subject { return false }
        return true
    }

    /// For browsers without a script.
    private var refresh: HTML { isLive ? "<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>" : "" }

    private var packet: String {
        guard case .explanation(let asked?) = subject else { return "" }
        return asked.packet
    }

    private var sections: HTML {
        switch subject {
        case .overview(let choice):
            guard view.observation != nil else { return part("news", news) }
            let overview = Overview(observation, now: now)
            return HTML([
                part("news", news), part("sums", overview.sums), part("services", ServicesTable(observation.services, choice).html),
                part("verdicts", VerdictsTable(observation.status.verdicts).html), part("host", overview.host),
            ])
        case .service(_, let choice):
            guard let service else {
                return part("news", news)
                    + "<section><h1>No such service</h1><p>It may have been deleted. <a href=\"/\">All services</a></p></section>"
            }
            return part("news", news) + part("servers", ServersTable(service, choice).html)
        case .explanation(let asked): return ExplanationText(asked, vip: observation.status.addresses.first?.address).html
        }
    }

    private func part(_ name: HTML, _ html: HTML) -> HTML { "<section id=\"\(name)\" data-part>\(html)</section>\n" }

    /// What somebody should look at first.
    private var news: HTML {
        var lines: [HTML] = []
        if let failure = view.failure {
            let age: HTML =
                view.observation == nil
                ? "Nothing is known of it yet." : "The numbers below are \(Amount.period(UInt64(max(view.age(at: now), 0)))) old."
            lines.append(
                "<p class=\"bad\" role=\"alert\"><strong>The director does not answer.</strong> \(age) <small>\(failure)</small></p>")
        }
        for fault in view.observation?.status.faults ?? [] {
            let cure: HTML = fault.cure.isEmpty ? "" : " <code>\(fault.cure)</code>"
            lines.append("<p class=\"warning\"><strong>\(fault.text)</strong>\(cure)</p>")
        }
        return HTML(lines)
    }
}
