import Links
import PacketKit
import Testing
import Wire

@Suite struct PcapNGFiles {
    @Test func whatIsWrittenIsReadBack() throws {
        let folder = TemporaryFolder()
        let path = folder.path + "/a.pcapng"
        let writer = try PcapNGWriter(path: path, interface: "eth0")
        let frames = [hex("020000000001 020000000002 88cc 00"), hex("020000000001 020000000002 88cc 0001 0203")]
        for (number, frame) in frames.enumerated() {
            var bytes = frame
            var failure: LinkError?
            bytes.withBytes { window in
                do throws(LinkError) {
                    try writer.write(window, time: 1_000_000_000_000_000_001 + UInt64(number), comment: number == 0 ? "why" : nil)
                } catch { failure = error }
            }
            if let failure { throw failure }
        }
        try writer.close()
        let reader = try PcapReader(path: path)
        for (number, frame) in frames.enumerated() {
            let (record, bytes) = try #require(try reader.next())
            #expect(bytes == frame)
            #expect(record.time == 1_000_000_000_000_000_001 + UInt64(number))
        }
        #expect(try reader.next() == nil)
    }
}
