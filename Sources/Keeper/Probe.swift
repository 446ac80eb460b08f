internal import CLinux
internal import Glibc
internal import LVS
internal import Linux
public import Runtime
internal import SystemPackage
internal import Wire

/// Another program, asked whether it could go on with what this one has. It runs as a child that changes nothing.
public final class Probe {
    /// What it says.
    enum Answer: Equatable {
        /// It could, and calls itself so.
        case willing(version: String)
        case refused(String)
    }

    let channel: Channel
    let deadline: Instant
    private let process: Int32
    private let program: String
    /// Nanoseconds that it may take to answer.
    private static let patience: Instant = 5 * second

    /// The word of the command line that asks for this.
    static let command = "probe"

    /// - Parameter words: of the service's command line, behind its command.
    init(_ program: String, _ words: [String], _ memory: HeldMemory, at now: Instant) throws(Errno) {
        let (own, other) = try Channel.pair()
        process = try Child.start(program, ["svs", Self.command] + words, [other.descriptor] + memory.probed)
        (channel, deadline, self.program) = (own, now + Self.patience, program)
    }

    /// Its answer; `nil` when it has none yet. What ends without an answer, or takes too long, refuses.
    func answer(at now: Instant) -> Answer? {
        var status: Int32 = 0
        if let message = try? channel.receive(waits: false) {
            end()
            guard message.bytes.first == 0 else { return .refused(String(decoding: message.bytes.dropFirst(), as: UTF8.self)) }
            return .willing(version: String(decoding: message.bytes.dropFirst(), as: UTF8.self))
        }
        if svs_reap(process, &status) != 0 { return .refused("\(program) does not answer: \(Child.End(status))") }
        guard now >= deadline else { return nil }
        end()
        return .refused("\(program) does not answer within \(Self.patience / second) s")
    }

    private func end() {
        _ = svs_signal(process, SIGKILL)
        var status: Int32 = 0
        for _ in 0..<1000 where svs_reap(process, &status) == 0 { usleep(1000) }
    }

    /// Answers, in the program that is asked.
    /// - Parameters:
    ///   - version: what it calls itself.
    ///   - connections: what its table is to hold.
    public static func reply(version: String, connections: Int) throws(RunError) {
        guard let channel = Channel(adopting: DirectorDescriptor.channel) else {
            throw RunError("svs \(command) is started by svs run only")
        }
        var bytes = [UInt8(0)] + Array(version.utf8)
        do throws(Errno) {
            let memory = try KeptMemory(adopting: DirectorDescriptor.channel + 1)
            if let refusal = memory.refusal(connections: connections) {
                bytes = [1] + Array("\(version) cannot take over the connections: \(refusal)".utf8)
            }
        } catch { bytes = [1] + Array("\(version) cannot read the state: \(error)".utf8) }
        try? channel.send(bytes, waits: true)
    }
}
