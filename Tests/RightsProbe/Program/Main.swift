import Attempts
import CLinux
import Glibc
import Linux

/// A process that gives up its rights as a director does, and then tells what it can still do, a line for each thing:
///
///     rights-probe run INTERFACE OTHER [USER]     attempts and needs, with packet sockets of two ends of a wire
///     rights-probe wait PARENT                    does nothing until it is ended; PARENT is the parent that it expects
///     rights-probe twice                          gives up what it has not any more
///     rights-probe crash                          traps
///     rights-probe cost                           what the filter costs system calls
@main enum Main {
    static func main() {
        let words = CommandLine.arguments.dropFirst()
        do {
            switch (words.first, words.count) {
            case ("run", 3...4): try Probe(words[2], words[3], user: words.count == 4 ? words[4] : nil).run()
            case ("wait", 2): try wait(words[2])
            case ("twice", 1): for _ in 0..<2 { try giveUp(parent: getppid()) }
            case ("crash", 1): try crash()
            case ("cost", 1): try cost()
            default: end("usage: rights-probe run INTERFACE OTHER [USER] | wait PARENT | twice | crash | cost")
            }
        } catch { end("\(error)") }
    }

    private static func giveUp(parent: Int32) throws { try Rights.giveUp(becoming: Rights.user(named: "nobody"), parent: parent) }

    private static func crash() throws {
        try giveUp(parent: getppid())
        try SystemCallFilter.install()
        let words = CommandLine.arguments
        tell(words[words.count])
    }

    private static func wait(_ parent: String) throws {
        try giveUp(parent: Int32(parent) ?? 0)
        try SystemCallFilter.install()
        tell("ready")
        while true { sleep(60) }
    }

    /// In turns, so that a busy machine is busy for both: this process, and a copy of it with the filter.
    private static func cost() throws {
        var ends: [Int32] = [0, 0]
        socketpair(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0, &ends)
        let rounds = (0..<9).map { _ in (free: measure(ends[0]), filtered: inFilteredCopy(ends[0])) }
        for (place, name) in ["recvmsg", "sendmmsg", "openat and close"].enumerated() {
            let free = median(rounds.map { $0.free[place] }), filtered = median(rounds.map { $0.filtered[place] })
            let ratio = median(rounds.map { $0.filtered[place] / $0.free[place] })
            tell("\(name): \(Int(free)) ns, with the filter \(Int(filtered)) ns, ratio \(Double(Int(ratio * 100)) / 100)")
        }
    }

    private static func measure(_ socket: Int32) -> [Double] {
        [svs_cost_of_receiving(socket, 200_000), svs_cost_of_sending(socket, 200_000), svs_cost_of_opening(30_000)]
    }

    private static func inFilteredCopy(_ socket: Int32) -> [Double] {
        var pipe: Int32 = -1, numbers = [0.0, 0, 0]
        let child = svs_fork(&pipe, 60)
        if child == 0 {
            numbers = (try? SystemCallFilter.install()).map { measure(socket) } ?? numbers
            numbers.withUnsafeBytes { svs_fork_end(pipe, $0.baseAddress, $0.count) }
        }
        numbers.withUnsafeMutableBytes { _ = read(pipe, $0.baseAddress, $0.count) }
        close(pipe)
        waitpid(child, nil, 0)
        return numbers
    }

    private static func median(_ numbers: [Double]) -> Double { numbers.sorted()[numbers.count / 2] }

    private static func end(_ text: String) -> Never {
        _ = text.withCString { Glibc.write(2, $0, strlen($0)) }
        exit(2)
    }
}

/// Prints a line at once.
func tell(_ line: String) { _ = (line + "\n").withCString { Glibc.write(1, $0, strlen($0)) } }
