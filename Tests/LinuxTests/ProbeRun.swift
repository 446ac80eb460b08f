import CLinux
import Foundation
import Testing

/// Whether processes may be started that give up root's rights.
let isRoot = geteuid() == 0

/// The program `rights-probe` beside the tests, run to its end.
struct ProbeRun {
    let status: Int32
    /// The lines that it printed, and those on standard error.
    let lines: [String], complaints: [String]

    init(_ arguments: [String]) throws {
        let output = Pipe(), errors = Pipe()
        let process = Process()
        process.executableURL = URL(filePath: try Self.program())
        process.arguments = arguments
        (process.standardOutput, process.standardError) = (output, errors)
        try process.run()
        // What it complains of is less than a pipe holds.
        lines = Self.lines(output.fileHandleForReading.readDataToEndOfFile())
        complaints = Self.lines(errors.fileHandleForReading.readDataToEndOfFile())
        process.waitUntilExit()
        status = process.terminationStatus
    }

    /// The same with the two ends of a wire, `near` and `far`, in a network namespace that vanishes with it.
    static func onAWire(_ arguments: [String]) throws -> ProbeRun {
        let outside = svs_enter_new_network()
        try #require(outside >= 0, "no new network namespace: errno \(-outside)")
        defer { svs_enter_network(outside) }
        for command in ["ip link add near type veth peer name far", "ip link set near up", "ip link set far up", "ip link set lo up"] {
            try #require(system(command) == 0, "\(command)")
        }
        return try ProbeRun(["run", "near", "far"] + arguments)
    }

    /// What stands behind each line's first words: name and value, the last word.
    func values(_ kind: String) -> [(name: String, value: String)] {
        lines.filter { $0.hasPrefix(kind + " ") }.map { line in
            let words = line.dropFirst(kind.count + 1).split(separator: " ")
            return (words.dropLast().joined(separator: " "), String(words.last ?? ""))
        }
    }

    /// A field of /proc/PID/status.
    func status(_ field: String) -> [String]? {
        lines.first { $0.hasPrefix("status \(field):") }.map { line in
            line.dropFirst("status \(field):".count).split { $0 == "\t" || $0 == " " }.map(String.init)
        }
    }

    static func program() throws -> String {
        let maps = try String(contentsOfFile: "/proc/self/maps", encoding: .utf8)
        for line in maps.split(separator: "\n") {
            guard let start = line.firstIndex(of: "/"), let bundle = line.range(of: ".xctest") else { continue }
            let folder = URL(filePath: String(line[start..<bundle.lowerBound])).deletingLastPathComponent()
            let program = folder.appending(path: "rights-probe").path
            if access(program, X_OK) == 0 { return program }
        }
        throw Missing()
    }

    struct Missing: Error, CustomStringConvertible {
        var description: String { "rights-probe is not built: swift build --product rights-probe" }
    }

    private static func lines(_ data: Data) -> [String] { String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init) }
}
