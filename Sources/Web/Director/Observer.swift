internal import Admin
internal import CLinux
internal import Glibc
public import LVS
internal import Linux
internal import Synchronization
public import SystemPackage
internal import Wire

/// Asks a director how it is, at most once a second, whoever wants to know and however many; and not at all while nobody does.
///
/// A thread of its own asks and waits. Who wants to know gets what was told last, and only waits himself where nothing is known
/// of the last few seconds.
public final class Observer: Sendable {
    /// What is known.
    public struct View: Sendable {
        /// What was told last, perhaps long ago; `nil` where nothing ever was.
        public var observation: ObservedDirector?
        /// Why the director's last answer is none.
        public var failure: String?
        /// When somebody last asked, by the machine's clock.
        public var looked: Instant = 0

        public init() {}

        /// Whole seconds since the director told what is known.
        public func age(at now: Instant) -> Int64 { observation.map { max(now - $0.at, 0) / second } ?? 0 }
    }

    private struct State {
        var view = View()
        /// When somebody wanted to know last.
        var wanted = Instant.min
        var waiting: [CheckedContinuation<Void, Never>] = []
        var isEnding = false
    }

    private let state = Mutex(State())
    private let wakeup: Wakeup
    /// Nanoseconds for which what was told counts as new, and for which it is asked on when nobody wants to know any more.
    private static let freshness: Instant = 3 * second
    private static let interest: Instant = 60 * second
    /// Servers for each of which services and servers are asked for a second less often: so the director's share of time stays as
    /// small with many of them.
    static let serversOfSecond: Instant = 10_000

    private let clock: @Sendable () -> Instant

    /// - Parameters:
    ///   - source: is used by one thread alone.
    ///   - clock: the machine's, or one that a test sets.
    public init(_ source: sending any StatusSource, clock: @escaping @Sendable () -> Instant = { Observer.now }) throws(Errno) {
        self.clock = clock
        wakeup = try Wakeup()
        let box = LentSource(source: source)
        try BackgroundThread { [self] in run(box.source) }.detach()
    }

    private struct LentSource: @unchecked Sendable { let source: any StatusSource }

    public static var now: Instant { Instant(svs_clock()) }

    /// What is known, not older than a few seconds where the director answers.
    public func view() async -> View {
        await withCheckedContinuation { continuation in
            let isKnown = state.withLock { state in
                state.wanted = clock()
                if state.view.looked > 0, clock() - state.view.looked < Self.freshness { return true }
                state.waiting.append(continuation)
                return false
            }
            wakeup.raise()
            if isKnown { continuation.resume() }
        }
        return state.withLock { $0.view }
    }

    /// Asks no more. What is known stays.
    public func end() {
        state.withLock { $0.isEnding = true }
        wakeup.raise()
    }

    // MARK: the thread that asks

    private func run(_ source: any StatusSource) {
        var next: Instant = 0, loadsDue: Instant = 0
        while awaitInterest() {
            guard isDue(next) else { continue }
            let began = clock()
            next = began + second
            let before = state.withLock { $0.view }
            var view = before
            do {
                let status = try source.status()
                let loads = began >= loadsDue ? try source.loads() : nil
                var seen = (before.observation ?? ObservedDirector()).followed(by: status, loads, at: clock())
                seen.took = seen.at - began
                if let loads { loadsDue = began + second + Instant(loads.servers.count) * second / Self.serversOfSecond }
                (view.observation, view.failure) = (seen, nil)
            } catch { view.failure = "\(error)" }
            view.looked = clock()
            tell(view)
        }
        tell(state.withLock { $0.view })
    }

    /// Whether the moment has come; if not, some time until then has passed.
    private func isDue(_ moment: Instant) -> Bool {
        let pause = moment - clock()
        guard pause > 0 else { return true }
        usleep(UInt32(clamping: min(pause, second) / 1000))
        return false
    }

    /// Waits until somebody wants to know; false when it is all over.
    private func awaitInterest() -> Bool {
        while true {
            let (isWanted, isEnding) = state.withLock { state in
                (!state.waiting.isEmpty || state.wanted > clock() - Self.interest, state.isEnding)
            }
            if isEnding { return false }
            if isWanted { return true }
            var ready = pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0)
            poll(&ready, 1, -1)
            wakeup.clear()
        }
    }

    private func tell(_ view: View) {
        let waiting = state.withLock { state in
            state.view = view
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
