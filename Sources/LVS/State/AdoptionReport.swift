/// What a director found in a state, and what it did not believe.
public struct AdoptionReport: Hashable, Sendable {
    /// Connections and templates that go on.
    public internal(set) var connections = 0
    public internal(set) var templates = 0
    /// Records in use that were given up, by reason.
    public internal(set) var dropped: [Fault: Int] = [:]
    /// Connections whose template was not there: they go on without.
    public internal(set) var untied = 0
    /// Nanoseconds since the other director's last batch; 0 when it had none.
    public internal(set) var absence: Instant = 0
    /// Servers that no command named: they are in the trash.
    public internal(set) var trash = 0

    /// Why a record does not stand.
    public enum Fault: String, Hashable, Sendable, CaseIterable {
        case unfinished = "was begun only"
        case changed = "is not as it was written"
        case onePacket = "was for one packet"
        case flags = "has flags that do not exist"
        case family = "mixes address families"
        case proto = "has a protocol that is not balanced"
        case method = "has a method that does not exist"
        case state = "has a state that does not exist"
        case expires = "expires at no time"
        case server = "has a server that is not its own"
        case port = "has a local port that is not its own"
        case side = "lost what stood beside it"
        case duplicate = "stands there twice"
    }
}
