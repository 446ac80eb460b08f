import CLinux
import Glibc
import Testing

/// Whether tests may make network namespaces.
let isRoot = geteuid() == 0

/// Runs `body` with the calling thread in a fresh network namespace, which vanishes with the last thing in it. `body` must
/// not suspend: a namespace belongs to a thread.
func inNamespace(_ body: () throws -> Void) throws {
    let outside = svs_enter_new_network()
    try #require(outside >= 0, "no new network namespace: errno \(-outside)")
    defer { svs_enter_network(outside) }
    try body()
}

/// Runs shell commands in the thread's namespace.
func shell(_ commands: String...) throws {
    for command in commands {
        let status = system("exec </dev/null; " + command)
        try #require(status == 0, "\(command): exit status \(status >> 8)")
    }
}

/// What a shell command prints.
func output(of command: String) throws -> String {
    let pipe = try #require(popen(command, "re"))
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = fread(&piece, 1, piece.count, pipe)
        guard count > 0 else { break }
        bytes += piece[..<count]
    }
    pclose(pipe)
    return String(decoding: bytes, as: UTF8.self)
}

/// Waits until `condition` holds, at most `seconds`.
func wait(seconds: Double = 3, until condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<Int(seconds * 200) {
        if try condition() { return true }
        usleep(5000)
    }
    return try condition()
}

/// A second namespace at the other end of a wire.
final class Peer {
    private let network: Int32

    /// Makes the namespace and a veth pair: `device` here, `device` there.
    init(device: String) throws {
        let here = svs_enter_new_network()
        try #require(here >= 0, "no new network namespace: errno \(-here)")
        network = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
        try #require(svs_enter_network(here) == 0)
        try shell("ip link add \(device) type veth peer name \(device) netns /proc/\(getpid())/fd/\(network)", "ip link set \(device) up")
        try run { try shell("ip link set lo up", "ip link set \(device) up") }
        // The kernel tells a link's queues of its carrier up to a second later; until then what is sent is lost.
        let isUp = { try output(of: "ip link show \(device)").contains("state UP") }
        try #require(try wait(until: isUp) && wait { try run(isUp) })
    }

    deinit { close(network) }

    /// Runs `body` with the calling thread in the other namespace.
    func run<Result>(_ body: () throws -> Result) throws -> Result {
        let here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
        try #require(svs_enter_network(fcntl(network, F_DUPFD_CLOEXEC, 0)) == 0)
        defer { svs_enter_network(here) }
        return try body()
    }
}
