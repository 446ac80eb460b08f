import Admin
import ArgumentParser
import CLinux
import Glibc

/// `svs upgrade`: another version of the running svs, without a lost frame.
struct UpgradeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upgrade", abstract: "Have the running director go on as the program that is installed by now.",
        discussion: """
            The program at the path by which 'svs run' was started is first asked whether it can take over services and \
            connections; only then it is executed in the same process, with every socket open, and a director of its own goes \
            on where the one before has stopped between two batches. Frames that come meanwhile wait. Where the new program \
            cannot be started, refuses, or does not direct within 5 seconds, the one before goes on.

            Exit status 1 when it does so. The same is begun, without an answer, by SIGUSR2 to 'svs run'.
            """)
    @Option(help: ArgumentHelp("Socket of the director.", valueName: "path")) var control: String?

    /// Seconds until nobody waits for an outcome any longer.
    private static let patience = 30

    func run() throws {
        let path = AdmCommandLine.path(control), before = try RunningVersions(control: path)
        guard kill(try Self.keeper(at: path), SIGUSR2) == 0 else {
            throw CommandFailure("svs run at \(path) cannot be told: \(String(cString: strerror(errno)))")
        }
        let deadline = svs_clock() + UInt64(Self.patience) * 1_000_000_000
        while svs_clock() < deadline {
            usleep(100_000)
            guard let now = try? RunningVersions(control: path), now.upgrades > before.upgrades else { continue }
            Terminal.put(now.outcome + "\n")
            Terminal.exit(now.outcome.hasPrefix("upgraded") ? 0 : 1)
        }
        throw CommandFailure("svs run at \(path) says nothing of an upgrade for \(Self.patience) s; its log says why")
    }

    /// The process that listens.
    private static func keeper(at path: String) throws -> Int32 {
        var process: Int32 = 0, user: UInt32 = 0, group: UInt32 = 0
        let client = svs_control_connect(path, 5)
        defer { if client >= 0 { close(client) } }
        guard client >= 0, svs_peer(client, &process, &user, &group) == 0, process > 1 else {
            throw CommandFailure("no svs run answers at \(path)")
        }
        return process
    }
}

/// Which programs run, as the running director tells it.
struct RunningVersions {
    /// The whole of it.
    let text: String
    /// How often an upgrade was asked for.
    let upgrades: Int
    /// How the last one went.
    let outcome: String

    /// `svs run --version`: what this program is, and which one runs.
    static func put(_ words: [String]) -> Never {
        let named = words.firstIndex(of: "--control").flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
        Terminal.put(SVS.configuration.version + "\n")
        if let running = try? Self(control: AdmCommandLine.path(named)) { Terminal.put("running: " + running.text) }
        Terminal.exit(0)
    }

    init(control: String) throws {
        do {
            guard case .text(let text) = try ControlClient(path: control).ask(.versions) else {
                throw CommandFailure("the director's answer is none")
            }
            self.text = text
        } catch let failure as CommandFailure { throw failure } catch { throw CommandFailure("\(error)") }
        let lines = text.split(separator: "\n").map(String.init)
        let count = lines.firstIndex { $0.hasPrefix("upgrades ") }
        upgrades = count.flatMap { Int(lines[$0].dropFirst(9)) } ?? 0
        outcome = count.map { lines[($0 + 1)...].joined(separator: "\n") } ?? ""
    }
}
