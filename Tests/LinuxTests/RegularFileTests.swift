import Glibc
import SystemPackage
import Testing

@testable import Linux

/// What is read ends, and fits into memory.
@Suite struct RegularFileTests {
    /// A folder of its own for each test, removed with it.
    final class Folder {
        let path: String

        init() throws {
            var template = Array("/tmp/svs-files.XXXXXX".utf8CString)
            path = try #require(template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!).map { String(cString: $0) } })
        }

        deinit {
            for name in ["pipe", "link", "file", "socket"] { unlink("\(path)/\(name)") }
            rmdir("\(path)/folder")
            rmdir(path)
        }

        func write(_ bytes: [UInt8], to name: String = "file") throws { try FileWriter.write(bytes, to: FilePath("\(path)/\(name)")) }
    }

    private func refusal(_ path: String, limit: Int = RegularFile.longestText) -> String? {
        do throws(RegularFile.Refusal) {
            let file = try RegularFile.open(FilePath(path), limit: limit)
            try? file.close()
            return nil
        } catch { return error.description }
    }

    @Test func onlyRegularFilesAreOpenedAlsoBehindLinks() throws {
        let folder = try Folder()
        try folder.write([1, 2, 3])
        #expect(mkfifo("\(folder.path)/pipe", 0o600) == 0)
        #expect(mkdir("\(folder.path)/folder", 0o700) == 0)
        #expect(refusal("\(folder.path)/file") == nil)
        for (target, words) in [
            ("pipe", "is a pipe, not a regular file"), ("folder", "is a directory, not a regular file"),
            ("/dev/zero", "is a device, not a regular file"), ("file", nil), ("none", "No such file or directory"),
        ] {
            #expect(refusal(target.hasPrefix("/") ? target : "\(folder.path)/\(target)") == words)
            #expect(symlink(target, "\(folder.path)/link") == 0)
            #expect(refusal("\(folder.path)/link") == words)
            unlink("\(folder.path)/link")
        }
    }

    @Test func aSocketIsNamed() throws {
        let folder = try Folder()
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: "\(folder.path)/socket".utf8) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
        #expect(bound == 0)
        #expect(refusal("\(folder.path)/socket") == "is a socket, not a regular file")
    }

    @Test func aFileTooLongIsNotReadAtAll() throws {
        let folder = try Folder()
        try folder.write([])
        #expect(truncate("\(folder.path)/file", Int(RegularFile.longestText) + 1) == 0)
        #expect(refusal("\(folder.path)/file") == "is longer than 64 MB")
        #expect(refusal("\(folder.path)/file", limit: .max) == nil)
    }

    /// Files of /proc say that they are empty; what is longer than it says is bounded as well.
    @Test func whatGrowsIsBounded() throws {
        let file = try RegularFile.open("/proc/self/status", limit: 10)
        let error = #expect(throws: RegularFile.Refusal.self) { try RegularFile.bytes(file, limit: 10) }
        #expect(error == .tooLong(10))
        #expect(try !RegularFile.bytes(RegularFile.open("/proc/self/status")).isEmpty)
    }

    @Test func linesAreBounded() throws {
        let folder = try Folder()
        try folder.write(Array("one\n\ntwo\r\nthree".utf8))
        let lines = LineReader(try FileReader(FilePath("\(folder.path)/file")), longest: 10)
        #expect(try (0..<5).map { _ in try lines.next() } == [.line("one"), .line(""), .line("two\r"), .line("three"), .end])
        try folder.write([UInt8](repeating: 0x41, count: 300_000))
        #expect(try LineReader(try FileReader(FilePath("\(folder.path)/file")), longest: 1000).next() == .tooLong)
        try folder.write([UInt8](repeating: 0x41, count: 200_000) + [0x0a, 0x42])
        let long = LineReader(try FileReader(FilePath("\(folder.path)/file")), longest: 300_000)
        #expect(try long.next() == .line(String(repeating: "A", count: 200_000)))
        #expect(try long.next() == .line("B"))
        let endless = LineReader(try FileReader("/dev/zero"), longest: 1 << 16)
        #expect(try endless.next() == .tooLong)
    }
}
