import Admin
import CLinux
import LVS

/// Says which client has a director do what, a line each (`--log-commands`).
final class CommandLog {
    private let log: Log
    private let clock: () -> UInt64
    /// The second in hand, and the lines that it has had and that it was spared.
    private var moment: UInt64 = 0, said = 0, left = 0
    /// Lines of one second: a file that is restored may have tens of thousands.
    private static let most = 200

    init(_ log: Log, clock: @escaping () -> UInt64 = svs_monotonic_seconds) { (self.log, self.clock) = (log, clock) }

    /// - Parameters:
    ///   - refusal: why it was not carried out, where it was not.
    ///   - client: the client's socket.
    func note(_ command: Command, _ refusal: CommandError?, from client: Int32) {
        note(SaveFormat.line(for: command) ?? command.summary, refusal?.sentence, from: client)
    }

    /// The same in words.
    func note(_ command: String, _ refusal: String? = nil, from client: Int32) {
        guard hasRoom() else { return }
        var process: Int32 = 0, user: UInt32 = 0, group: UInt32 = 0
        let isKnown = svs_peer(client, &process, &user, &group) == 0
        let who = isKnown ? "user \(user), process \(process)" : "a client"
        log.say("command of \(who): \(command)" + (refusal.map { ": refused: \($0)" } ?? ""))
    }

    private func hasRoom() -> Bool {
        let now = clock()
        if now != moment {
            if left > 0 { log.say("\(counted(left, "command")) more in that second") }
            (moment, said, left) = (now, 0, 0)
        }
        guard said < Self.most else {
            left += 1
            return false
        }
        said += 1
        return true
    }

    /// To be called every second or so: says how many lines were left out.
    func tick() {
        guard left > 0, clock() != moment else { return }
        log.say("\(counted(left, "command")) more in that second")
        left = 0
    }
}
