import Host
import LVS
import Links
import Wire

/// The host made to follow the services and the network that there are now.
extension EventLoop {
    func beginToFollow(at now: Instant) {
        sync.follow(engine.director)
        isBehind = false
        beganToFollow = now
        followed = engine.director.network.generation
        followedFormer = engine.director.formerRepliesEnded
        host.begin()
    }

    /// Goes the next step of it. A host that cannot follow is asked again a second later.
    func goOnFollowing() {
        do {
            if try followStep(waits: false) { setbacks.attempt(Token.follow) { try endFollowing(at: Self.now) } }
        } catch {
            (isBehind, lastFollowed) = (true, Self.now + second - pause)
            setbacks.attempt(Token.follow) { throw error }
        }
        noteThreads()
    }

    /// All of it, before the first frame.
    func followNow() throws {
        beginToFollow(at: Self.now)
        while try !followStep(waits: true) {}
        try endFollowing(at: Self.now)
    }

    private func followStep(waits: Bool) throws -> Bool {
        try host.goOn(&engine.director, at: Self.now, waits: waits) { filter in
            for case let link as any LiveLink in packets.links { try link.attach(filter) }
        } lead: { traffic, mtu throws(HostError) in
            try local.lead(traffic, mtu: mtu)
        }
    }

    private func endFollowing(at now: Instant) throws {
        // What takes long is not done all the time.
        pause = max(Self.shortestPause, now - beganToFollow)
        lastFollowed = now
        sayOfRules(state.rules.failures)
        try watchLinks()
    }
}
