import Admin
import Foundation
import Replay
import Testing

/// What is true of every case of the project.
@Suite struct ProjectCasesTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Cases").path

    private static func read(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

    /// A frame that goes the same way for another reason is a change: no case passes over the reasons.
    @Test func everyCaseRecordsAllVerdicts() throws {
        let folders = try CaseRun.folders(in: Self.folder)
        try #require(folders.count > 100)
        for folder in folders {
            let verdicts = try Expectations(folder: folder).verdicts
            #expect(verdicts != nil, "\(folder): no file verdicts; svs verify --regenerate writes it")
            #expect(verdicts?.contains("-") != true, "\(folder)/verdicts: a frame without a verdict")
        }
    }

    /// Captures with a file `packets` beside them are what it says.
    @Test func capturesAreWhatTheirWordsSay() throws {
        let written = try CaseRun.folders(in: Self.folder).filter { FileManager.default.fileExists(atPath: $0 + "/packets") }
        try #require(!written.isEmpty)
        for folder in written {
            let network = try NetworkFile(TextFile.read(folder + "/network"), file: folder + "/network").network
            let script = try PacketScript(TextFile.read(folder + "/packets"), file: folder + "/packets")
            let copy = try CaseFolder()
            try FileManager.default.removeItem(atPath: copy.path + "/in.pcap")
            let names = try script.writeCase(copy.path, arrivingAt: network)
            let captures = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasPrefix("in.") }
            #expect(Set(names) == Set(captures), "\(folder)")
            for name in names {
                #expect(
                    try Self.read(copy.path + "/" + name) == Self.read(folder + "/" + name), "\(folder)/\(name): svs pcap makes another one"
                )
            }
        }
    }
}
