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
        // The listener would be ready all the time.
        poller.forget(clients.listener)
        listensAgain = Self.now + second
        if !refusedClients { configuration.log.say("clients of the control socket cannot be let in: \(refusal); they are asked to wait") }
        refusedClients = true
    }

    func listenAgain() {
        guard let due = listensAgain, Self.now >= due else { return }
        listensAgain = (try? poller.watch(clients.listener, as: Token.clients)) == nil ? Self.now + second : nil
    }

    /// Makes the control socket again if somebody has removed it.
    func restoreControl() {
        do throws(ControlError) {
            let before = clients.listener
            guard try clients.restore() else { return controlFailure = nil }
            poller.forget(before)
            listensAgain = Self.now
            listenAgain()
            configuration.log.say("control socket \(clients.path) was removed; it is made again")
            controlFailure = nil
        } catch {
            if controlFailure == nil { configuration.log.say("\(error)") }
            controlFailure = error
        }
    }
}
