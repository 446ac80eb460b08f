public import Wire

/// What a scheduler knows of what went before, in a form that can be written down without knowing the scheduler: numbers only
/// it understands, and what it remembers of single addresses.
public struct SchedulerMemory: Hashable, Sendable {
    /// Where it stands in its circle, for instance.
    public var position: [Int]
    /// Moments, in nanoseconds from now on; what has passed is negative.
    public var times: [Instant]
    public var items: [Item]

    /// What is remembered of one address.
    public struct Item: Hashable, Sendable {
        public var address: IPAddress
        public var servers: [ServerKey]
        /// As `SchedulerMemory.times`.
        public var times: [Instant]

        public init(address: IPAddress, servers: [ServerKey], times: [Instant]) {
            self.address = address
            self.servers = servers
            self.times = times
        }
    }

    public init(position: [Int] = [], times: [Instant] = [], items: [Item] = []) {
        self.position = position
        self.times = times
        self.items = items
    }

    public var isEmpty: Bool { position.isEmpty && times.isEmpty && items.isEmpty }
}
