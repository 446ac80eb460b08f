import Admin
import LVS
import Wire

extension ControlledDirector {
    /// Makes what the files say stand. Where a journal knows of an earlier director, what that one was told stands first, and what
    /// differs between the files as it read them and as they are now is applied, as on SIGHUP. The host's network is there
    /// already. From here on what is told is written down.
    /// - Parameter say: is told what could not be taken over.
    /// - Throws: what in the services file a new director refuses.
    mutating func begin(
        _ state: RunFiles.State, of files: RunFiles, _ journal: (recalled: RecalledState, recorder: JournalRecorder)?,
        say: (String) -> Void
    ) throws(FileError) {
        if let journal, !journal.recalled.isEmpty {
            let old = resume(journal.recalled, with: journal.recorder, files, beside: state, say: say)
            adopt(say: say)
            _ = state.apply(to: &self, since: old) { say("\($0.summary): \($1.sentence)") }
        } else {
            self.journal = journal?.recorder
            state.set(in: &self)
            for command in state.plan.changes(from: ServicePlan()) + state.timeouts {
                do throws(CommandError) { try apply(command) } catch {
                    throw FileError(file: files.services ?? "services", text: "\(command.summary): \(error.sentence)")
                }
            }
            adopt(say: say)
        }
        hasChanged = false
        note(state, say: say)
        for line in HostWarnings.lines(director) { say(line) }
    }

    /// What an earlier director was told: services, servers, timeouts and daemons as they stood, switches and marks as they were
    /// last read.
    /// - Returns: the files as they were last read.
    private mutating func resume(
        _ recalled: RecalledState, with recorder: JournalRecorder, _ files: RunFiles, beside now: RunFiles.State,
        say: (String) -> Void
    ) -> RunFiles.State {
        if recalled.strange > 0 { say("not taken over: entries of the journal that are of no known kind: \(recalled.strange)") }
        var state = RunFiles.State()
        do throws(FileError) { state = try RunFiles.State(recalled: recalled.texts, of: files, beside: now) } catch {
            say("not taken over: \(error), as it was last read")
        }
        state.set(in: &self)
        restoreSwitches(recalled.texts[Self.switchesText] ?? "", say: say)
        // Last, as at a first start: what a command does may depend on switches (`sync_ports`).
        recalled.restore(into: &director) { say("not taken over: \($0.summary): \($1.sentence)") }
        journal = recorder
        return state
    }

    /// Goes on with the connections that an earlier director left.
    private mutating func adopt(say: (String) -> Void) {
        let report = director.adopt()
        carried = report.connections + report.templates
        if report.connections + report.templates > 0 {
            let absence = report.absence > 0 ? ", \(report.absence / millisecond) ms after the last batch" : ""
            say("\(report.connections) connections and \(report.templates) templates go on\(absence)")
        }
        if report.untied > 0 { say("connections that go on without their template: \(report.untied)") }
        if report.trash > 0 { say("servers that nobody named again: \(report.trash)") }
        for (fault, count) in report.dropped.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            say("not taken over: \(count == 1 ? "a connection" : "\(count) connections, each") that \(fault.rawValue)")
        }
    }

    /// Notes that files were read, for whoever comes next.
    mutating func note(_ state: RunFiles.State, say: (String) -> Void) {
        noted = state
        guard !writeNoted() else { return }
        say("warning: the journal has no room for the files that were read: after a restart they are compared with what they said before")
    }

    /// Writes down what the files said, and the switches that are otherwise by now.
    /// - Returns: false when there is no room.
    func writeNoted() -> Bool {
        guard let journal else { return true }
        var pieces = noted.pieces ?? JournalRecorder.pieces(of: noted.texts)
        if !switchesSet.isEmpty {
            let lines = switchesSet.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)\n" }
            pieces += JournalRecorder.pieces(of: [(Self.switchesText, lines.joined())])
        }
        return journal.write(pieces, in: director)
    }
}
