internal import CLinux
internal import Glibc
internal import LVS
internal import Linux
internal import Runtime
internal import SystemPackage
internal import Wire

/// What a program that has become another one still owes the one before: to direct within a few seconds. Until then the one
/// before can go on in its place.
struct Succession {
    /// How often somebody has asked for another program since the service began.
    var attempts: Int
    /// What the program before calls itself.
    var earlierVersion: String
    /// Why the program that was asked for is not the one that runs.
    var failure: String?
    /// The command line of the program before, behind its command.
    var words: [String]
    private static let separator: Character = "\u{1f}", lineBreak = "\u{1e}"
    /// The process that takes over when this one hangs or ends before it directs, and its number.
    var guardian: Channel?
    var guardianProcess: Int32
    /// The file of the program before.
    var earlierProgram: HeldDescriptor?
    /// When its director ended.
    let ended: Instant?
    /// All that the program before has left, for its return.
    let left: [(name: String, descriptor: HeldDescriptor)]
    let deadline: Instant

    /// Nanoseconds that a new program may take until it directs.
    static let patience: Instant = 5 * second
    /// Nanoseconds after which the guardian thinks that this process hangs.
    static let guardianPatience: Instant = 12 * second

    static let guardianName = "guardian", programName = "program"

    /// What the program before has said; `nil` when there was none.
    init?(_ environment: ServiceEnvironment, _ earlier: InheritedDescriptors, at now: Instant) {
        guard let text = environment.values[ServiceEnvironment.succession] else { return nil }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count == 6, let attempts = Int(lines[0]), let process = Int32(lines[1]) else { return nil }
        (self.attempts, guardianProcess, earlierVersion) = (attempts, process, lines[2])
        failure = lines[3].isEmpty ? nil : lines[3]
        ended = Instant(lines[5]).flatMap { $0 > 0 ? $0 : nil }
        words = Self.words(of: lines[4])
        left = earlier.all.filter { $0.name != Self.programName }
        guardian = earlier.take(Self.guardianName).flatMap { Channel(adopting: $0.copy()) }
        earlierProgram = earlier.take(Self.programName)
        deadline = now + Self.patience
    }

    private static func words(of line: String) -> [String] {
        guard !line.isEmpty else { return [] }
        let words = line.split(separator: separator, omittingEmptySubsequences: false)
        return words.map { String($0).replacing(lineBreak, with: "\n") }
    }

    /// What is said to the next program.
    static func text(
        attempts: Int, guardian: Int32, version: String, failure: String?, words: [String], ended: Instant?
    ) -> String {
        let line = words.map { $0.replacing("\n", with: lineBreak) }.joined(separator: String(separator))
        return "\(attempts)\n\(guardian)\n\(version)\n\(failure?.replacing("\n", with: " ") ?? "")\n\(line)\n\(ended ?? 0)"
    }

    /// Tells the guardian that it is not needed any more.
    func dismissGuardian() {
        try? guardian?.send([1], waits: false)
        var status: Int32 = 0
        guard guardianProcess > 0 else { return }
        for _ in 0..<1000 where svs_reap(guardianProcess, &status) == 0 { usleep(1000) }
    }
}

/// The program as it was before an upgrade, in a process of its own that only waits: when the new one hangs or ends before it
/// directs, it becomes the keeper.
public enum Guardian {
    /// Waits until the new program directs, which ends this process, or until it is plain that it will not. Then the process of
    /// the new program is ended, and this one has all that it had.
    /// - Returns: what to go on with; `nil` when nothing is to be done.
    public static func wait(_ configuration: Keeper.Configuration) throws -> Keeper.Configuration? {
        var configuration = configuration
        guard let held = configuration.inherited.take(Succession.guardianName), let channel = Channel(adopting: held.copy()) else {
            throw RunError("a guardian is started by svs run only")
        }
        var keeper: Int32 = 0, user: UInt32 = 0, group: UInt32 = 0
        guard svs_peer(channel.descriptor, &keeper, &user, &group) == 0, keeper > 1 else { return nil }
        let process = svs_process_open(keeper)
        let poller = try Poller()
        try poller.watch(channel.descriptor, as: 0)
        if process >= 0 { try poller.watch(process, as: 1) }
        let deadline = Instant(svs_clock()) + Succession.guardianPatience
        var reason = "did not direct in time"
        wait: while true {
            let left = deadline - Instant(svs_clock())
            guard left > 0 else { break }
            for place in try poller.wait(milliseconds: Int32(clamping: left / millisecond + 1)) {
                if poller[place] == 0 {
                    guard (try? channel.receive(waits: true)) == nil else { return nil }
                    poller.forget(channel.descriptor)
                    reason = "ended before it directed"
                    break wait
                }
                reason = "ended before it directed"
                break wait
            }
        }
        _ = svs_signal(keeper, SIGKILL)
        if process >= 0 { for _ in 0..<100 where try !ended(process) { usleep(10_000) } }
        // Its director ends with it, on its own time.
        usleep(50_000)
        let lines = configuration.environment.values[ServiceEnvironment.succession]?.split(separator: "\n").map(String.init)
        configuration.environment.values[ServiceEnvironment.succession] = Succession.text(
            attempts: lines?.first.flatMap { Int($0) } ?? 1, guardian: 0, version: configuration.version,
            failure: "the new program \(reason); process \(getpid()) goes on in the place of \(keeper)", words: configuration.words,
            ended: lines?.last.flatMap { Instant($0) })
        if configuration.environment.values["WATCHDOG_PID"] != nil { configuration.environment.values["WATCHDOG_PID"] = "\(getpid())" }
        ServiceSupervisor(configuration.environment.values).tell(.mainProcess(getpid()))
        return configuration
    }

    private static func ended(_ process: Int32) throws -> Bool {
        let poller = try Poller()
        try poller.watch(process, as: 0)
        return try !poller.wait(milliseconds: 0).isEmpty
    }
}
