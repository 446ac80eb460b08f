import FlyingSocks
import FoundationEssentials
import Glibc
import Testing
import Wire

@testable import Web

/// The server with its clients on the loopback.
@Suite struct WebServerTests {
    private static func serving(
        _ limits: WebServer.Limits = WebServer.Limits(),
        _ body: (@escaping @Sendable (String) async throws -> [String]) async throws -> Void
    ) async throws {
        let address = IPAddress(v4: 0x7f00_0001), listener = try WebListener(address, port: 0)
        let observer = try Observer(MadeUpDirector())
        defer { observer.end() }
        let site = Site(observer, Explainer(path: "/nowhere", patience: 1), hosts: AllowedHosts(address))
        let serving = Task { try await WebServer(listener, site, limits: limits).run() }
        defer { serving.cancel() }
        let port = listener.port
        try await body { sent in try await Self.answers(to: sent, port: port) }
    }

    /// Sends, and reads until the server has closed; each answer's status line.
    private static func answers(to sent: String, port: UInt16) async throws -> [String] {
        let socket = try await AsyncSocket.connected(to: sockaddr_in.inet(ip4: "127.0.0.1", port: port), timeout: 120)
        try? await socket.write(Data(sent.utf8))
        var bytes: [UInt8] = []
        while let more = try? await socket.read(atMost: 4096) { bytes += more }
        try? socket.close()
        return String(decoding: bytes, as: UTF8.self).split(separator: "HTTP/1.1 ").map { "HTTP/1.1 " + $0.prefix { $0 != "\r\n" } }
    }

    private static let get = "GET /icon.svg HTTP/1.1\r\nHost: localhost\r\n"

    @Test func aConnectionBringsSeveralRequests() async throws {
        var limits = Self.patient
        limits.requests = 10
        try await Self.serving(limits) { ask in
            let all = try await ask(Self.get + "\r\n" + Self.get + "\r\nHEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            #expect(all == ["HTTP/1.1 200 OK", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK"])
        }
    }

    /// Limits that no machine is too slow for.
    private static var patient: WebServer.Limits {
        var limits = WebServer.Limits()
        (limits.idle, limits.head, limits.answer, limits.requests) = (.seconds(120), .seconds(120), .seconds(120), 2)
        return limits
    }

    @Test func whatIsTooMuchIsRefused() async throws {
        try await Self.serving(Self.patient) { ask in
            for (sent, answers) in [
                ("GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 9000), ["HTTP/1.1 431 Request Header Fields Too Large"]),
                (Self.get + "Content-Length: 5\r\n\r\nhello", ["HTTP/1.1 413 Content Too Large"]),
                // A connection ends when it has had its requests.
                (String(repeating: Self.get + "\r\n", count: 5), ["HTTP/1.1 200 OK", "HTTP/1.1 200 OK"]),
            ] {
                let got = try await ask(sent)
                #expect(got == answers)
            }
        }
    }

    @Test func whatNeverEndsIsRefused() async throws {
        var limits = Self.patient
        limits.head = .milliseconds(300)
        try await Self.serving(limits) { ask in
            let got = try await ask(Self.get)
            #expect(got == ["HTTP/1.1 408 Request Timeout"])
        }
    }

    @Test func whoSaysNothingIsLetGo() async throws {
        var limits = Self.patient
        limits.idle = .milliseconds(300)
        try await Self.serving(limits) { ask in
            let got = try await ask("")
            #expect(got == [])
        }
    }

    /// Who waits for a place gets one when another one has gone.
    @Test func connectionsAreBounded() async throws {
        var limits = Self.patient
        limits.connections = 2
        try await Self.serving(limits) { ask in
            await withTaskGroup(of: Int.self) { group in
                for _ in 0..<8 { group.addTask { (try? await ask(Self.get + "Connection: close\r\n\r\n").count) ?? 0 } }
                for await count in group { #expect(count == 1) }
            }
        }
    }

    @Test func aPlaceThatIsTakenIsSaid() throws {
        let address = IPAddress(v4: 0x7f00_0001), listener = try WebListener(address, port: 0)
        let refusal = #expect(throws: WebListener.Refusal.self) { try WebListener(address, port: listener.port) }
        #expect(refusal?.description == "127.0.0.1:\(listener.port): somebody listens there already")
    }
}
