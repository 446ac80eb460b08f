import Glibc
import Linux
import SystemPackage
import Testing

@testable import Keeper

struct CrashFilesTests {
    private static func withFolder(_ body: (String) throws -> Void) rethrows {
        let folder = "/tmp/svs-crash-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        mkdir(folder, 0o700)
        defer {
            for number in 0..<40 { unlink("\(folder)/crash-\(number).pcap") }
            rmdir(folder)
        }
        try body(folder)
    }

    /// Files are numbered on, whoever made those that are there, and the newest ten stay.
    @Test func theNewestTenStay() {
        Self.withFolder { folder in
            for turn in 1...14 {
                let files = CrashFiles(in: folder)
                #expect(
                    files.keep(turn, pcap: [UInt8(turn)])
                        == "\(turn) frames in hand were given back, \(turn) since the start; see \(folder)/crash-\(turn).pcap")
            }
            for number in 1...14 { #expect((access("\(folder)/crash-\(number).pcap", F_OK) == 0) == (number > 4)) }
            var found = stat()
            #expect(stat("\(folder)/crash-14.pcap", &found) == 0 && found.st_size == 1 && found.st_mode & 0o777 == 0o600)
        }
    }

    @Test func framesAreCountedWithoutAFolder() {
        let files = CrashFiles(in: nil)
        #expect(files.keep(3, pcap: []) == "3 frames in hand were given back, 3 since the start")
        #expect(files.keep(4, pcap: []) == "4 frames in hand were given back, 7 since the start")
        #expect(CrashFiles(in: "/nonexistent").keep(1, pcap: []).hasSuffix("; /nonexistent/crash-1.pcap: No such file or directory"))
    }

    @Test func whatIsTooLongIsNotKept() {
        Self.withFolder { folder in
            let long = [UInt8](repeating: 0, count: CrashFiles.longest + 1)
            #expect(CrashFiles(in: folder).keep(1, pcap: long).hasSuffix("; they are too long to be kept"))
            #expect(access("\(folder)/crash-1.pcap", F_OK) != 0)
        }
    }
}
