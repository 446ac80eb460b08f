import Testing
import Wire

@testable import Web

@Suite struct RequestHeadTests {
    private func head(_ text: String) throws -> RequestHead { try RequestHead(Array(text.utf8)) }

    @Test func aRequestIsRead() throws {
        let head = try head(
            "GET /explain?packet=tcp+1.2.3.4%3A5+%3E+VIP&x=%C3%A9&x=2 HTTP/1.1\r\nHost: localhost:9106\r\nConnection: close\r\n\r\n")
        #expect(head.method == "GET" && head.path == "/explain" && head.query == ["packet": "tcp 1.2.3.4:5 > VIP", "x": "é"])
        #expect(head.fields["host"] == "localhost:9106" && !head.staysOpen)
        #expect(try self.head("HEAD / HTTP/1.1\r\n\r\n").staysOpen && !self.head("GET / HTTP/1.0\r\n\r\n").staysOpen)
    }

    @Test(arguments: [
        ("", Response.Status.badRequest), ("GET /\r\n\r\n", .badRequest), ("GET http://a/ HTTP/1.1\r\n\r\n", .badRequest),
        ("GET /%zz HTTP/1.1\r\n\r\n", .badRequest), ("GET /%00 HTTP/1.1\r\n\r\n", .badRequest),
        ("GET /?a=%ff HTTP/1.1\r\n\r\n", .badRequest),
        ("GET / HTTP/2\r\n\r\n", .versionNotSupported), ("GET / HTTP/1.1\r\n: x\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", .badRequest), ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", .badRequest),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", .badRequest), ("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", .bodyRefused),
        ("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", .bodyRefused),
        ("GET / HTTP/1.1\r\n" + (0...64).map { "X-\($0): 1\r\n" }.joined() + "\r\n", .headTooLarge),
    ])
    func whatIsNoRequestIsRefused(text: String, status: Response.Status) {
        #expect(throws: RequestHead.Refusal(status)) { try head(text) }
    }

    @Test(arguments: [
        ("127.0.0.1:9106", true), ("localhost", true), ("LOCALHOST:1", true), ("[::1]:9106", true), ("192.0.2.1:9106", true),
        ("monitor.example.org", true), ("evil.example:9106", false), ("127.0.0.1:9106.evil.example", false), ("localhost:", true),
        ("localhost:x", false), ("", false),
    ])
    func hosts(field: String, isAllowed: Bool) throws {
        let hosts = AllowedHosts(try #require(IPAddress("192.0.2.1")), ["Monitor.example.org"])
        #expect(hosts.contains(field) == isAllowed && !hosts.contains(nil))
    }

    @Test(arguments: [
        ("127.0.0.1:9106", "127.0.0.1", 9106), ("[::1]:80", "::1", 80), ("0.0.0.0:0", "0.0.0.0", 0),
    ])
    func places(text: String, address: String, port: UInt16) throws {
        let place = try #require(WebListener.place(text))
        #expect("\(place.address)" == address && place.port == port)
    }

    @Test(arguments: ["9106", "localhost:9106", "::1:80", "[127.0.0.1]:80", "127.0.0.1:70000", "127.0.0.1:", ""])
    func noPlaces(text: String) { #expect(WebListener.place(text) == nil) }
}
