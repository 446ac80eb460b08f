import CLinux
import Glibc
import Linux
import Runtime
import Testing

@testable import Keeper

struct DirectorProcessTests {
    /// What a director has started without its keeper's knowledge ends with it.
    @Test func copiesEndWithTheirDirector() throws {
        // The shell's descriptor 3 is the director's channel: the copy says its number by it.
        let process = try DirectorProcess("/bin/sh", ["sh", "-c", "sleep 1000 & printf '\\0%d' $! >&3; exit 7"], [], at: 0)
        let message = try #require(try process.channel.receive(waits: true))
        let copy = try #require(Int32(String(decoding: message.bytes, as: UTF8.self)))
        #expect(kill(copy, 0) == 0)
        while true {
            if let end = process.end() {
                #expect(end == .exit(7))
                break
            }
            usleep(1000)
        }
        // Whoever adopts it waits for it when it pleases.
        #expect(hasEnded(copy))
    }

    private func hasEnded(_ process: Int32) -> Bool {
        for _ in 0..<5000 {
            if kill(process, 0) != 0 { return true }
            guard let file = fopen("/proc/\(process)/stat", "r") else { return true }
            defer { fclose(file) }
            var line = [CChar](repeating: 0, count: 256)
            if fgets(&line, 255, file) != nil, String(decoding: line.map { UInt8(bitPattern: $0) }, as: UTF8.self).contains(") Z") {
                return true
            }
            usleep(1000)
        }
        return false
    }
}
