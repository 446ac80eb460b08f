/// What is said about things that the kernel refuses for a while, for want of memory or descriptors, and that are tried again: each
/// once, until it succeeds.
final class SetbackNews {
    private let log: Log
    private var said = RepeatFilter<UInt64>()

    init(_ log: Log) { self.log = log }

    /// Does something that may be refused and that nothing ends for.
    /// - Parameter token: what it is.
    func attempt(_ token: UInt64, _ body: () throws -> Void) {
        do {
            try body()
            said.forget(token)
        } catch {
            if said.isNew("\(error)", about: token) { log.say("\(error)") }
        }
    }
}
