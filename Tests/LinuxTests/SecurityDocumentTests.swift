import Foundation
import Linux
import Testing

/// docs/security.md lists the system calls that the filter allows.
@Suite struct SecurityDocumentTests {
    private static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "docs/security.md")
    private static let heading = "## What the director may do\n"

    private static var section: String {
        var lines = [
            heading,
            "After its start these system calls, and no other (`Sources/Linux/SystemCallFilter+Allowed.swift`; a test keeps this list so,",
            "`SVS_WRITE_DOCS=1 swift test --filter SecurityDocument` writes it anew):",
            "",
            "| system calls | only | for |", "|---|---|---|",
        ]
        for calls in SystemCallFilter.allowed {
            let names = calls.names.map { "`\($0)`" }.joined(separator: " ")
            lines.append("| \(names) | \(calls.conditions.map(\.words).joined(separator: "; ")) | \(calls.purpose) |")
        }
        return lines.map { $0 + "\n" }.joined() + "\n"
    }

    @Test func theDocumentSaysWhatTheCodeSays() throws {
        var text = try String(contentsOf: Self.file, encoding: .utf8)
        let start = try #require(text.range(of: Self.heading)?.lowerBound)
        let end = try #require(text.range(of: "\n## ", range: text.index(after: start)..<text.endIndex)?.lowerBound)
        let place = start..<text.index(after: end)
        let isSame = text[place] == Self.section
        if ProcessInfo.processInfo.environment["SVS_WRITE_DOCS"] == "1" {
            text.replaceSubrange(place, with: Self.section)
            try text.write(to: Self.file, atomically: true, encoding: .utf8)
        } else {
            #expect(isSame, "docs/security.md is not what the code says; SVS_WRITE_DOCS=1 writes it anew")
        }
    }

    @Test func noCallIsListedTwice() {
        let names = SystemCallFilter.allowed.flatMap(\.names)
        #expect(Set(names).count == names.count)
        #expect(names.count > 60)
        for word in ["socket", "bind", "connect", "accept4", "execve", "ptrace", "clone3", "open", "unshare", "setns", "mount"] {
            #expect(!names.contains(word), "\(word)")
        }
        #expect(SystemCallFilter.allowed.first { $0.names == ["bpf"] }?.conditions.isEmpty == false, "elements of maps alone")
    }

    /// What every packet needs goes through the kernel's own shortcut, which knows no arguments.
    @Test func hotCallsHaveNoConditions() {
        for call in ["sendmmsg", "recvmsg", "recvmmsg", "read", "write", "epoll_wait", "clock_gettime", "futex"] {
            #expect(SystemCallFilter.allowed.contains { $0.names.contains(call) && $0.conditions.isEmpty }, "\(call)")
        }
    }
}
