public import LVS

/// The way from the admin command to a director.
public protocol ControlChannel {
    associatedtype Failure: ChannelFailure

    /// Lets the director do `command`; when it refuses, nothing was changed.
    func apply(_ command: Command) throws(Failure)
    /// Lets the director do several commands one after the other, each whatever became of those before it.
    /// - Returns: for each why it came to nothing, if so; behind one that the director could not be asked, the rest is missing.
    func apply(_ commands: [Command]) -> [Failure?]
    /// Everything at one moment.
    func inventory() throws(Failure) -> Inventory
    /// The same with one service only; a refusal with ESRCH when there is none.
    func inventory(of key: ServiceKey) throws(Failure) -> Inventory
    /// The whole connection table, one entry at a time.
    func connections(_ each: (ConnectionRecord) -> Void) throws(Failure)
}

/// Why a request came to nothing; described in words that can follow `Can't initialize ipvs: `.
public protocol ChannelFailure: Error, CustomStringConvertible {
    /// The director's errno (positive) if it refused; `nil` if it could not be asked.
    var refusal: Int32? { get }
}

extension ControlChannel {
    public func apply(_ commands: [Command]) -> [Failure?] {
        var failures: [Failure?] = []
        for command in commands {
            do throws(Failure) {
                try apply(command)
                failures.append(nil)
            } catch {
                failures.append(error)
                guard error.refusal != nil else { break }
            }
        }
        return failures
    }
}
