public import LVS
internal import Wire

/// When the next director is started after one has ended: at once, unless several in a row did not live long enough to be of
/// use. There is no last attempt.
public struct RestartPolicy {
    /// Nanoseconds that a director must live to count as one that works.
    static let shortLife: Instant = second / 2
    /// Directors that may live shortly, one after the other, before the next one has to wait.
    static let patience = 5
    /// Directors that may end early and before their first frame, one after the other, before the state is suspected.
    static let suspicion = 3

    private var shortLives = 0
    private var frameless = 0

    public init() {}

    /// What to do about the end of a director.
    public struct Decision: Equatable {
        /// Nanoseconds until the next one is started.
        public var pause: Instant
        /// What the directors have left behind may be what ends them: the next one begins without it.
        public var setsStateAside: Bool
    }

    /// - Parameters:
    ///   - life: nanoseconds from its start to its end.
    ///   - hadFrames: whether it directed any.
    public mutating func ended(after life: Instant, hadFrames: Bool) -> Decision {
        shortLives = life < Self.shortLife ? shortLives + 1 : 0
        frameless = hadFrames || life >= Self.shortLife ? 0 : frameless + 1
        let isSuspect = frameless == Self.suspicion
        if isSuspect { frameless = 0 }
        let over = shortLives - Self.patience
        // 0.1, 0.2, 0.4 ... seconds, at most 5.
        let pause = over < 0 ? 0 : min(100 * millisecond << Instant(min(over, 6)), 5 * second)
        return Decision(pause: pause, setsStateAside: isSuspect)
    }
}
