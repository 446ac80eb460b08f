internal import Linux
internal import SystemPackage
public import Wire

/// Writes the Ethernet frames of one interface to a pcapng file, each with a comment, in this machine's byte order and with
/// nanoseconds (draft-ietf-opsawg-pcapng: section header, interface description and enhanced packet blocks). libpcap reads
/// such files but writes none.
public final class PcapNGWriter {
    public let path: String
    public private(set) var frames = 0
    private let file: FileWriter
    /// Longest comment, bytes: an option's length has 16 bits and is padded to words.
    private static let longestComment = 65532

    /// Makes or empties the file `path`.
    /// - Parameter interface: name of the interface that the frames belong to.
    public init(path: String, interface: String) throws(LinkError) {
        self.path = path
        do throws(Errno) { file = try FileWriter(FilePath(path)) } catch { throw LinkError(path, error) }
        var section = Block(type: 0x0a0d_0d0a)
        section.put(UInt32(0x1a2b_3c4d))
        section.put(UInt16(1))
        section.put(UInt16(0))
        // The section's length is not known beforehand.
        section.put(UInt32.max)
        section.put(UInt32.max)
        section.putOption(4, Array("svs".utf8))
        section.putOption(0, [])
        try append(section)
        var description = Block(type: 1)
        description.put(UInt16(1))
        description.put(UInt16(0))
        description.put(UInt32(PcapWriter.longestFrame))
        description.putOption(2, Array(interface.utf8))
        // if_tsresol: times count 10⁻⁹ seconds.
        description.putOption(9, [9])
        description.putOption(0, [])
        try append(description)
    }

    /// Appends a frame that passed `time` nanoseconds after 1970, with what is to be said about it.
    public func write(_ frame: Bytes, time: UInt64, comment: String? = nil) throws(LinkError) {
        guard frame.count <= PcapWriter.longestFrame else {
            throw LinkError("\(path): frame \(frames + 1): \(frame.count) bytes do not fit in the file")
        }
        var block = Block(type: 6)
        block.put(UInt32(0))
        block.put(UInt32(truncatingIfNeeded: time >> 32))
        block.put(UInt32(truncatingIfNeeded: time))
        block.put(UInt32(frame.count))
        block.put(UInt32(frame.count))
        block.put(frame.array)
        if let comment {
            block.putOption(1, Array(comment.utf8.prefix(Self.longestComment)))
            block.putOption(0, [])
        }
        try append(block)
        frames += 1
    }

    /// Completes the file; nothing can be written afterwards.
    public func close() throws(LinkError) {
        do throws(Errno) { try file.close() } catch { throw failure(error) }
    }

    private func append(_ block: Block) throws(LinkError) {
        do throws(Errno) { try file.write(block.bytes) } catch { throw failure(error) }
    }

    private func failure(_ error: Errno) -> LinkError { LinkError("\(path): writing frame \(frames + 1)", error) }

    /// A block: type, total length, body, total length again.
    private struct Block {
        private let type: UInt32
        private var body: [UInt8] = []

        init(type: UInt32) { self.type = type }

        var bytes: [UInt8] {
            let length = Self.native(UInt32(body.count + 12))
            return Self.native(type) + length + body + length
        }

        mutating func put(_ value: some FixedWidthInteger & UnsignedInteger) { body += Self.native(value) }

        /// Bytes padded to whole words.
        mutating func put(_ bytes: [UInt8]) {
            body += bytes
            body += [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
        }

        mutating func putOption(_ code: UInt16, _ value: [UInt8]) {
            put(code)
            put(UInt16(truncatingIfNeeded: value.count))
            put(value)
        }

        private static func native(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
    }
}
