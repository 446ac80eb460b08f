public import Admin
public import LVS

/// Who says how a director is.
public protocol StatusSource: AnyObject {
    func status() throws -> DirectorStatus
    func loads() throws -> (services: [ServiceLoad], servers: [ServerLoad])
}

/// A running director, asked over its socket; the connection is made anew where it broke.
public final class RunningDirector: StatusSource {
    private let path: String
    private let patience: UInt32
    private var client: ControlClient?

    /// - Parameters:
    ///   - path: the socket at which one may look.
    ///   - patience: seconds that an answer is waited for.
    public init(path: String, patience: UInt32 = 2) { (self.path, self.patience) = (path, patience) }

    public func status() throws -> DirectorStatus { try ask { client throws(ControlFailure) in try client.status() } }

    public func loads() throws -> (services: [ServiceLoad], servers: [ServerLoad]) {
        try ask { client throws(ControlFailure) in try client.loads() }
    }

    private func ask<Answer>(_ question: (ControlClient) throws(ControlFailure) -> Answer) throws -> Answer {
        let client = try client ?? ControlClient(path: path, patience: patience)
        self.client = client
        do { return try question(client) } catch {
            self.client = nil
            throw error
        }
    }
}
