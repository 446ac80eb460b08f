public import SystemPackage

/// One thing after the other that a thread of its own does for another thread, which never waits for it.
public final class BackgroundTask<Value> {
    private let finished: Wakeup
    private var work: Run?

    /// What the thread works on. It alone touches `value` until it has raised `finished`.
    private final class Run: @unchecked Sendable {
        var thread: BackgroundThread?
        var value: Value?
    }

    public init() throws(Errno) { finished = try Wakeup() }

    /// What has not ended is left to itself.
    deinit { work?.thread?.detach() }

    /// Readable when `finish` has something to tell.
    public var descriptor: Int32 { finished.descriptor }

    public var isUnderWay: Bool { work != nil }

    /// - Precondition: nothing is under way.
    public func begin(_ body: @escaping @Sendable () -> Value) throws(Errno) {
        precondition(work == nil)
        let begun = Run()
        let finished = finished
        begun.thread = try BackgroundThread {
            begun.value = body()
            finished.raise()
        }
        work = begun
    }

    /// What came of it; `nil` when nothing has ended.
    public func finish() -> Value? {
        finished.clear()
        guard let ended = work else { return nil }
        ended.thread?.join()
        work = nil
        return ended.value
    }
}
