internal import LVS
internal import Linux
internal import Runtime
internal import Wire

/// What a supervisor such as systemd hears, and what it keeps for the next keeper.
extension Keeper {
    /// Whether a supervisor may have been given a descriptor of this name by a keeper.
    static func isStorable(_ name: String) -> Bool { name == "positions" || name.hasPrefix("link-") || name.hasPrefix("suppression-") }

    /// A director has begun to direct.
    func directorWorks(_ director: DirectorProcess) {
        lastAlive = Self.now
        succeed()
        store()
        // With an upgrade the last sign may be nearly as old as the supervisor lets it be.
        supervisor.tell(.ready, .alive, .status("director \(director.number) directs \(configuration.interfaces.joined(separator: ", "))"))
    }

    /// Has the supervisor keep what the next keeper can go on with, and no more what it cannot.
    func store() {
        guard supervisor.isThere, succession == nil else { return }
        let legacy = privileged.legacy
        for (name, descriptor) in legacy where stored.insert(name).inserted { supervisor.keep([descriptor], as: name) }
        for name in stored.subtracting(legacy.map(\.name)) {
            supervisor.forget(name)
            stored.remove(name)
        }
    }

    /// Gives the sign of life that the supervisor waits for: only while there is a director that works.
    func giveSign() {
        guard let watchdog = supervisor.watchdog, Self.now >= nextSign else { return }
        let pause = Instant(watchdog / 2)
        nextSign = Self.now + pause
        // A director speaks every second.
        if Self.now - lastAlive <= max(pause, 2 * second) { supervisor.tell(.alive) }
    }
}
