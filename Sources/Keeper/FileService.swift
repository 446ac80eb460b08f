internal import Admin
internal import CLinux
internal import Glibc
internal import Host
internal import Linux
internal import SystemPackage

/// Opens files and runs commands for a director, on a thread of its own: neither a slow disk nor a long rule set keeps the
/// keeper from anything. The thread ends with the director.
enum FileService {
    /// - Parameters:
    ///   - files: paths of the command line; no other is opened.
    ///   - commands: what may be run.
    static func start(on channel: Channel, files: [String], commands: [String]) throws(Errno) {
        let thread = try BackgroundThread { serve(channel, Set(files), Set(commands)) }
        thread.detach()
    }

    private static func serve(_ channel: Channel, _ files: Set<String>, _ commands: Set<String>) {
        while let message = try? channel.receive(waits: true) {
            let (answer, file) = answer(DirectorRequest(message.bytes), files, commands)
            guard (try? channel.send(answer.bytes, file.map { [$0.rawValue] } ?? [], waits: true)) != nil else { return }
            try? file?.close()
        }
    }

    private static func answer(
        _ request: DirectorRequest?, _ files: Set<String>, _ commands: Set<String>
    ) -> (KeeperAnswer, FileDescriptor?) {
        switch request {
        case .file(let path) where files.contains(path):
            do throws(FileError) { return (.file, try TextFile.open(path)) } catch {
                return (.refused(HostError("open \(path)", cause: error.text)), nil)
            }
        case .output(let command) where commands.contains(command):
            do throws(FileError) {
                let output = try RulesText.output(of: command)
                return (.output(text: output?.text, errors: output?.errors ?? ""), nil)
            } catch {
                return (.refused(HostError("run \(command)", cause: error.text)), nil)
            }
        default: return (.refused(HostError("do what the director asks", errno: EPERM)), nil)
        }
    }
}
