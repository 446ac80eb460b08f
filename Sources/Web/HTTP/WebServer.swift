internal import FlyingSocks
internal import FoundationEssentials
internal import Glibc

/// Serves a site over HTTP/1.1. Nothing that a client does lasts longer or takes more memory than is said here.
public struct WebServer: Sendable {
    public struct Limits: Sendable {
        /// Connections at a time; more wait until one has ended.
        public var connections = 64
        /// Requests of one connection.
        public var requests = 1000
        /// How long the next request of a connection is waited for, from its first byte on its rest, and how long an answer may take.
        public var idle: Duration = .seconds(30)
        public var head: Duration = .seconds(5)
        public var answer: Duration = .seconds(30)

        public init() {}
    }

    private let listener: WebListener
    private let site: Site
    private let limits: Limits

    public init(_ listener: WebListener, _ site: Site, limits: Limits = Limits()) {
        (self.listener, self.site, self.limits) = (listener, site, limits)
    }

    /// Serves until the task is cancelled.
    public func run() async throws {
        let pool: some AsyncSocketPool = SocketPool.make()
        try await pool.prepare()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pool.run() }
            group.addTask { try await accept(AsyncSocket(socket: listener.socket, pool: pool)) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func accept(_ listener: AsyncSocket) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var open = 0
            while !Task.isCancelled {
                if open >= limits.connections {
                    try await group.next()
                    open -= 1
                }
                do {
                    let client = try await listener.accept()
                    group.addTask { await serve(client) }
                    open += 1
                } catch is CancellationError { return } catch {
                    // Who has gone already, or no descriptors: one moment, and on.
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
        }
    }

    private func serve(_ client: AsyncSocket) async {
        var received: [UInt8] = []
        for number in 1...limits.requests {
            guard let answer = await next(client, &received) else { break }
            let staysOpen = answer.staysOpen && number < limits.requests
            let head = answer.response.head(staysOpen: staysOpen)
            let bytes = Data(head.utf8) + (answer.isHeadOnly ? Data() : Data(answer.response.body))
            let sent: Void? = try? await within(limits.answer) { try await client.write(bytes) }
            guard sent != nil else { break }
            if !staysOpen {
                await takeLeave(client)
                break
            }
        }
        try? client.close()
    }

    /// Lets the client read its answer: what it goes on sending, and nobody reads, would have the kernel throw the answer away.
    private func takeLeave(_ client: AsyncSocket) async {
        shutdown(client.socket.file.rawValue, Int32(SHUT_WR))
        let rest: Void? = try? await within(.seconds(1)) { for _ in 0..<64 { _ = try await client.read(atMost: 4096) } }
        _ = rest
    }

    private struct Answer {
        var response: Response
        var staysOpen = false
        var isHeadOnly = false
    }

    /// What the client asks next; `nil` when there is nobody to answer any more.
    private func next(_ client: AsyncSocket, _ received: inout [UInt8]) async -> Answer? {
        let head: [UInt8]
        do { head = try await self.head(client, &received) } catch let refusal as RequestHead.Refusal {
            return Answer(response: Response(refusing: refusal.status))
        } catch { return nil }
        do throws(RequestHead.Refusal) {
            let request = try RequestHead(head)
            let response = await site.response(to: request)
            return Answer(response: response, staysOpen: request.staysOpen, isHeadOnly: request.method == "HEAD")
        } catch { return Answer(response: Response(refusing: error.status)) }
    }

    /// The bytes of a request's head; what came behind it is kept for the next one.
    private func head(_ client: AsyncSocket, _ received: inout [UInt8]) async throws -> [UInt8] {
        if received.isEmpty {
            guard let bytes = try await within(limits.idle, { try await client.read(atMost: 4096) }), !bytes.isEmpty else {
                throw CancellationError()
            }
            received = bytes
        }
        let begun = received
        guard let all = try await within(limits.head, { try await Self.complete(begun, client) }) else {
            throw RequestHead.Refusal(.timeout)
        }
        let end = Self.end(of: all, from: 0) ?? all.count
        received = Array(all[end...])
        return Array(all[..<end])
    }

    private static func complete(_ begun: [UInt8], _ client: AsyncSocket) async throws -> [UInt8] {
        var all = begun, looked = 0
        while end(of: all, from: looked) == nil {
            guard all.count < RequestHead.longest else { throw RequestHead.Refusal(.headTooLarge) }
            looked = max(all.count - 3, 0)
            all += try await client.read(atMost: min(4096, RequestHead.longest - all.count))
        }
        return all
    }

    /// The place behind the first empty line.
    private static func end(of bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count >= 4, start <= bytes.count - 4 else { return nil }
        return (start...bytes.count - 4).first { bytes[$0..<$0 + 4].elementsEqual([13, 10, 13, 10]) }.map { $0 + 4 }
    }

    /// What `work` gives; `nil` where it takes too long.
    private func within<Value: Sendable>(_ limit: Duration, _ work: @escaping @Sendable () async throws -> Value) async throws -> Value? {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await work() }
            group.addTask {
                try await Task.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }
}
