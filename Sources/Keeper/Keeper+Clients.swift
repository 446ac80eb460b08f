internal import Admin
internal import LVS
internal import Linux
internal import Runtime
internal import Wire

/// How clients of the control socket are let in.
extension Keeper {
    /// Lets in who waits, and tells the director of them.
    func acceptClients() {
        for number in clients.accept() { tellDirector(of: number) }
        guard let refusal = clients.refusal else { return refusedClients = false }
        // The listeners would be ready all the time.
        for listener in clients.listeners { poller.forget(listener) }
        listensAgain = Self.now + second
        if !refusedClients { configuration.log.say("clients of the control socket cannot be let in: \(refusal); they are asked to wait") }
        refusedClients = true
    }

    func listenAgain() {
        guard let due = listensAgain, Self.now >= due else { return }
        let watched = clients.listeners.map { try? poller.watch($0, as: Token.clients) }
        listensAgain = watched.contains { $0 == nil } ? Self.now + second : nil
    }

    /// Makes the control socket again if somebody has removed it.
    func restoreControl() {
        do throws(ControlError) {
            let before = clients.listeners, restored = try clients.restore()
            guard !restored.isEmpty else { return controlFailure = nil }
            for listener in before { poller.forget(listener) }
            listensAgain = Self.now
            listenAgain()
            for path in restored { configuration.log.say("control socket \(path) was removed; it is made again") }
            controlFailure = nil
        } catch {
            if controlFailure == nil { configuration.log.say("\(error)") }
            controlFailure = error
        }
    }
}
