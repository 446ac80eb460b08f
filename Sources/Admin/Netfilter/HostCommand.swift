import CLinux
import Glibc

/// A program of the host that is run for what it prints.
public enum HostCommand {
    /// Runs a program and waits for its end; its standard input is empty.
    /// - Returns: what it printed, and to its error output; `nil` when there is no such program.
    /// - Throws: `FileError` named after the command, with the first line of its error output, when it fails.
    public static func output(of words: [String]) throws(FileError) -> (text: String, errors: String)? {
        let name = words.joined(separator: " ")
        var pipes: [Int32] = []
        defer { for descriptor in pipes where descriptor >= 0 { close(descriptor) } }
        for _ in 0..<2 {
            var ends: [Int32] = [-1, -1]
            guard pipe(&ends) == 0 else { throw FileError(file: name, text: String(cString: strerror(errno))) }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            pipes += ends
        }
        guard let child = try spawn(words, output: pipes[1], errors: pipes[3]) else { return nil }
        for end in [1, 3] {
            close(pipes[end])
            pipes[end] = -1
        }
        let (output, errors) = drain(pipes[0], pipes[2])
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else { throw FileError(file: name, text: String(cString: strerror(errno))) }
        }
        guard status == 0 else {
            let line = String(decoding: errors.prefix { $0 != 0x0a }, as: UTF8.self)
            throw FileError(file: name, text: line.isEmpty ? "failed" : line)
        }
        return (String(decoding: output, as: UTF8.self), String(decoding: errors, as: UTF8.self))
    }

    /// The same for a command in one line, words parted by blanks.
    public static func output(_ command: String) throws(FileError) -> (text: String, errors: String)? {
        try output(of: command.split(separator: " ").map(String.init))
    }

    private static func spawn(_ words: [String], output: Int32, errors: Int32) throws(FileError) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, errors, 2)
        // libnftables does not mark its socket to be closed: a program that got it would keep the table of a director
        // that was killed meanwhile.
        svs_spawn_closing(&actions, 3)
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var child: pid_t = 0
        // Not every PATH has the folders where the packages put these programs.
        for folder in ["", "/usr/sbin/", "/sbin/"] {
            let failure = posix_spawnp(&child, folder + words[0], &actions, nil, &arguments, environ)
            if failure == 0 { return child }
            guard failure == ENOENT || failure == EACCES else {
                throw FileError(file: words.joined(separator: " "), text: String(cString: strerror(failure)))
            }
        }
        return nil
    }

    /// Reads two pipes to their ends, neither of which may fill up meanwhile.
    private static func drain(_ first: Int32, _ second: Int32) -> ([UInt8], [UInt8]) {
        var polled = [first, second].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        var texts: [[UInt8]] = [[], []]
        var piece = [UInt8](repeating: 0, count: 65536)
        while polled.contains(where: { $0.fd >= 0 }) {
            if poll(&polled, 2, -1) < 0 {
                if errno == EINTR { continue }
                break
            }
            for side in 0..<2 where polled[side].fd >= 0 && polled[side].revents != 0 {
                let count = read(polled[side].fd, &piece, piece.count)
                if count > 0 {
                    texts[side] += piece[..<count]
                } else if count == 0 || errno != EINTR {
                    polled[side].fd = -1
                }
            }
        }
        return (texts[0], texts[1])
    }
}
