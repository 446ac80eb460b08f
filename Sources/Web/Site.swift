internal import Admin
internal import CLinux
internal import LVS

/// What can be asked for: the page, its parts, metrics. Nothing of it changes anything.
public struct Site: Sendable {
    private let observer: Observer
    private let explainer: Explainer
    private let hosts: AllowedHosts
    private let metrics = MetricsCache()

    public init(_ observer: Observer, _ explainer: Explainer, hosts: AllowedHosts) {
        (self.observer, self.explainer, self.hosts) = (observer, explainer, hosts)
    }

    public func response(to request: RequestHead) async -> Response {
        guard request.method == "GET" || request.method == "HEAD" else { return Response(refusing: .methodNotAllowed) }
        guard hosts.contains(request.fields["host"]) else {
            return Response(refusing: .misdirected, "this name is not known here (svs web --host NAME makes it so)")
        }
        // A browser says whose page asks; somebody else's may link here, and no more.
        let site = request.fields["sec-fetch-site"] ?? "none", isLink = request.fields["sec-fetch-mode"] == "navigate"
        guard site == "none" || site == "same-origin" || isLink && request.path == "/" else { return Response(refusing: .forbidden) }
        switch request.path {
        case "/": return await page(.overview(ServiceChoice(request.query)), request)
        case "/service":
            guard let number = request.query["id"].flatMap({ UInt64($0) }) else { return Response(refusing: .badRequest) }
            return await page(.service(number, ServiceChoice(request.query)), request)
        case "/explain": return await page(.explanation(await explanation(request)), request)
        case "/metrics":
            return Response(.ok, .metrics, metrics.bytes(of: await observer.view(), servers: request.query["servers"] == "all"))
        case "/status.json": return await json()
        case "/style.css": return Response(.ok, .style, Array(Style.text.utf8), isFixed: true)
        case "/script.js": return Response(.ok, .script, Array(Script.text.utf8), isFixed: true)
        case "/icon.svg": return Response(.ok, .image, Array(Style.icon.utf8), isFixed: true)
        default: return Response(refusing: .notFound)
        }
    }

    private func page(_ subject: Page.Subject, _ request: RequestHead) async -> Response {
        let page = Page(await observer.view(), subject, at: Observer.now)
        guard page.isThere else { return Response(.notFound, .page, page.document) }
        return Response(.ok, .page, request.query["part"] == "1" ? page.parts : page.document)
    }

    /// The packet that is asked about, and what the director says.
    private func explanation(_ request: RequestHead) async -> (packet: String, answer: Explainer.Answer)? {
        guard let packet = request.query["packet"], !packet.isEmpty else { return nil }
        return (packet, await explainer.explain(packet))
    }

    private func json() async -> Response {
        let view = await observer.view()
        guard let observation = view.observation else { return Response(refusing: .unavailable, view.failure ?? "") }
        return Response(.ok, .json, StatusJSON.text(observation.status))
    }
}
