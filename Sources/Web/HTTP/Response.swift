/// What goes back for a request.
public struct Response: Hashable, Sendable {
    public enum Status: Int, Hashable, Sendable {
        case ok = 200
        case badRequest = 400
        case forbidden = 403
        case notFound = 404
        case methodNotAllowed = 405
        case timeout = 408
        case bodyRefused = 413
        case misdirected = 421
        case headTooLarge = 431
        case unavailable = 503
        case versionNotSupported = 505

        var phrase: String {
            switch self {
            case .ok: "OK"
            case .badRequest: "Bad Request"
            case .forbidden: "Forbidden"
            case .notFound: "Not Found"
            case .methodNotAllowed: "Method Not Allowed"
            case .timeout: "Request Timeout"
            case .bodyRefused: "Content Too Large"
            case .misdirected: "Misdirected Request"
            case .headTooLarge: "Request Header Fields Too Large"
            case .unavailable: "Service Unavailable"
            case .versionNotSupported: "HTTP Version Not Supported"
            }
        }
    }

    /// What the body is.
    public enum Kind: String, Hashable, Sendable {
        case page = "text/html; charset=utf-8"
        case text = "text/plain; charset=utf-8"
        /// Prometheus's text format.
        case metrics = "text/plain; version=0.0.4; charset=utf-8"
        case style = "text/css; charset=utf-8"
        case script = "text/javascript; charset=utf-8"
        case image = "image/svg+xml"
        case json = "application/json"
    }

    public var status: Status
    public var kind: Kind
    public var body: [UInt8]
    /// It does not change as long as this program runs.
    public var isFixed = false

    public init(_ status: Status = .ok, _ kind: Kind, _ body: [UInt8], isFixed: Bool = false) {
        (self.status, self.kind, self.body, self.isFixed) = (status, kind, body, isFixed)
    }

    public init(_ status: Status = .ok, _ kind: Kind, _ text: String) { self.init(status, kind, Array(text.utf8)) }

    /// A refusal in a sentence.
    public init(refusing status: Status, _ why: String = "") { self.init(status, .text, (why.isEmpty ? status.phrase : why) + "\n") }

    /// Nothing is taken from elsewhere, run that is not ours, shown in another site's frame, or sent elsewhere.
    private static let policy =
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; "
        + "base-uri 'none'; frame-ancestors 'none'"

    /// Status line and fields, with the empty line behind them.
    public func head(staysOpen: Bool) -> String {
        var lines = [
            "HTTP/1.1 \(status.rawValue) \(status.phrase)", "Content-Type: \(kind.rawValue)", "Content-Length: \(body.count)",
            "Cache-Control: \(isFixed ? "max-age=300" : "no-store")", "Content-Security-Policy: \(Self.policy)",
            "X-Content-Type-Options: nosniff", "X-Frame-Options: DENY", "Referrer-Policy: no-referrer",
            "Cross-Origin-Resource-Policy: same-origin", "Cross-Origin-Opener-Policy: same-origin",
        ]
        if status == .methodNotAllowed { lines.append("Allow: GET, HEAD") }
        if status == .unavailable { lines.append("Retry-After: 1") }
        lines.append("Connection: \(staysOpen ? "keep-alive" : "close")")
        return lines.map { $0 + "\r\n" }.joined() + "\r\n"
    }
}
