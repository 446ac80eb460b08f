/// What the director says of a packet, and how one is described.
struct ExplanationText {
    private let asked: (packet: String, answer: Explainer.Answer)?
    private let vip: String

    /// - Parameter vip: an address for the examples.
    init(_ asked: (packet: String, answer: Explainer.Answer)?, vip: String?) { (self.asked, self.vip) = (asked, vip ?? "192.0.2.1") }

    var html: HTML {
        """
        <section id="explanation"><h1>Explain a packet</h1>
        \(answer)
        <h2>How a packet is described</h2>
        <p>Protocol, source, <code>&gt;</code>, destination, and what is special about it:</p>
        <ul>\(examples.map { "<li><a href=\"\($0.address)\"><code>\($0.words)</code></a></li>" as HTML })</ul>
        <p>TCP flags (<code>SYN,ACK</code>), <code>len N</code>, <code>ttl N</code>, <code>df</code>, <code>nodf</code>, \
        <code>in INTERFACE</code>; <code>man svs-explain</code> has all of it. The director answers from a copy of itself: nothing in it \
        changes.</p></section>

        """
    }

    private var answer: HTML {
        guard let asked else { return "<p>What would become of a packet that came now?</p>" }
        switch asked.answer {
        case .explanation(let text):
            return "<p class=\"lead\"><code>\(asked.packet)</code></p><pre id=\"decision\" tabindex=\"0\">\(text)</pre>"
        case .refusal(let why): return "<p class=\"bad\" role=\"alert\" id=\"decision\">\(why)</p>"
        case .busy:
            return "<p class=\"warning\" role=\"alert\" id=\"decision\">Somebody else is asking; ask again in a second.</p>"
        }
    }

    private var examples: [(words: String, address: String)] {
        let end = vip.contains(":") ? "[\(vip)]" : vip, client = vip.contains(":") ? "[2001:db8::7]" : "198.51.100.7"
        return [
            "tcp \(client):5555 > \(end):80 SYN", "udp \(client):5555 > \(end):53 len 1280", "tcp \(client):5555 > \(end):443 SYN ttl 1",
        ]
        .map { ($0, "/explain?packet=\(RequestHead.encoded($0))") }
    }
}
