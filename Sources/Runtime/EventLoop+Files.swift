import Admin
import LVS
import Linux
import Replay

/// Files and the host's rules, once they were read anew beside the loop.
extension EventLoop {
    /// Puts the files in force that were read anew.
    func applyFiles() throws {
        // What was read before comes first; until then the descriptor stays readable.
        guard changes == nil, let result = try reload.finish() else { return }
        noteThreads()
        switch result {
        case .failure(let error):
            log.say("\(error); everything stays as it was")
            requests.filesRead()
        case .success(let fresh):
            for line in fresh.warnings(files, replacing: engine.director.serviceCount) { log.say(line) }
            changes = PendingChanges(to: fresh, since: state, in: &engine)
            continueChanges()
        }
    }

    /// Carries out some of what the files that were read again change.
    func continueChanges() {
        guard changes?.carryOut(on: &engine, refused: { log.say("\($0.summary): \($1.sentence)") }) == true, let done = changes else {
            return
        }
        changes = nil
        host.warns = true
        log.say(done.fresh.summary(since: state, commands: done.count))
        state = done.fresh
        plan.put(state)
        noteFiles()
        isBehind = true
        sayOfRules(state.rules.failures)
        requests.filesRead()
    }

    /// The host's netfilter rules have changed.
    func readRules() throws {
        guard state.rules.givesMarks || state.rules.honours else { return }
        areRulesUnread = true
        try rulesReload.begin()
        areRulesUnread = false
        noteThreads()
    }

    func applyRules() throws {
        guard changes == nil, let result = try rulesReload.finish() else { return }
        noteThreads()
        switch result {
        case .failure(let error): log.say("\(error); the rules stay as they were")
        case .success(let rules):
            guard rules?.rules4 != state.rules.host?.rules4 || rules?.rules6 != state.rules.host?.rules6 else { return }
            engine.recording?.pieces.stop("the host's netfilter rules changed")
            state.rules.host = rules
            state.pieces = nil
            engine.rules = state.rules
            state.rules.set(in: &engine.director)
            noteFiles()
            isBehind = true
            log.say("the host's netfilter rules changed and were read again")
            sayOfRules(state.rules.failures)
        }
    }

    private func noteFiles() { engine.note(state) { log.say($0) } }

    /// No copy of the process is made while another thread is at work.
    func noteThreads() { engine.mayFork = !reload.isUnderWay && !rulesReload.isUnderWay && !host.isPlanning }

    /// Says what is new about rules; what is no longer so may be said once more.
    func sayOfRules(_ failures: [String]) {
        let lines = failures + host.notHonoured
        for line in lines where !saidOfRules.contains(line) { log.say(line) }
        saidOfRules = Set(lines)
    }
}
