public import Admin
internal import Host
public import Linux
public import SystemPackage
internal import Synchronization

/// Files and commands, which the keeper opens and runs; from any thread, one at a time.
public final class KeptFiles: Sendable {
    private let channel: Channel
    /// Held from a question to its answer.
    private let turn = Mutex(())

    public init(_ channel: Channel) { self.channel = channel }

    /// A file of the command line, open for reading; it is the caller's.
    public func open(_ path: String) throws(FileError) -> FileDescriptor {
        let (answer, descriptors) = try ask(.file(path), path)
        guard answer == .file, let descriptor = descriptors.first else { throw FileError(file: path, text: "the keeper's answer is none") }
        return FileDescriptor(rawValue: descriptor.copy())
    }

    /// What a command printed; `nil` when there is no such command.
    public func output(_ command: String) throws(FileError) -> (text: String, errors: String)? {
        guard case .output(let text, let errors) = try ask(.output(command), command).0 else {
            throw FileError(file: command, text: "the keeper's answer is none")
        }
        return text.map { ($0, errors) }
    }

    private func ask(_ request: DirectorRequest, _ name: String) throws(FileError) -> (KeeperAnswer, [HeldDescriptor]) {
        let result = turn.withLock { _ -> Result<Channel.Message?, Errno> in
            do throws(Errno) {
                try channel.send(request.bytes, waits: true)
                return .success(try channel.receive(waits: true))
            } catch { return .failure(error) }
        }
        switch result {
        case .failure(let error): throw FileError(file: name, text: "the keeper does not answer: \(error)")
        case .success(let message):
            guard let message, let answer = KeeperAnswer(message.bytes) else {
                throw FileError(file: name, text: "the keeper's answer is none")
            }
            if case .refused(let error) = answer { throw FileError(file: name, text: error.cause) }
            return (answer, message.descriptors)
        }
    }
}
