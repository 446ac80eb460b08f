internal import Glibc
internal import Linux
internal import SystemPackage

/// The frames that directors had in hand when they ended: `crash-N.pcap`, one for each, the newest ten. What is in them is not
/// looked at.
final class CrashFiles {
    private let folder: String?
    /// Frames given back since the keeper began.
    private(set) var givenBack = 0

    static let most = 10
    /// Bytes of the longest file that is kept; a batch of jumbo frames is shorter.
    static let longest = 16 << 20

    /// - Parameter folder: one that is there; without one the frames are counted only.
    init(in folder: String?) { self.folder = folder }

    /// Keeps what a director had in hand.
    /// - Returns: what is to be said about it.
    func keep(_ count: Int, pcap: [UInt8]) -> String {
        givenBack += count
        let given = "\(count) frames in hand were given back, \(givenBack) since the start"
        guard let folder else { return given }
        guard pcap.count <= Self.longest else { return "\(given); they are too long to be kept" }
        let old = numbers(in: folder), name = "crash-\((old.last ?? 0) + 1).pcap"
        do throws(Errno) { try Self.write(pcap, to: FilePath(folder).appending(name)) } catch {
            return "\(given); \(folder)/\(name): \(error)"
        }
        for number in old.dropLast(Self.most - 1) { unlink("\(folder)/crash-\(number).pcap") }
        return "\(given); see \(folder)/\(name)"
    }

    /// Nobody but root may read what others have sent.
    private static func write(_ bytes: [UInt8], to path: FilePath) throws(Errno) {
        try withErrno {
            let file = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec], permissions: .ownerReadWrite)
            _ = try file.closeAfter { try file.writeAll(bytes) }
        }
    }

    /// The numbers of the files that are there, the oldest first.
    private func numbers(in folder: String) -> [Int] {
        guard let open = opendir(folder) else { return [] }
        defer { closedir(open) }
        var numbers: [Int] = []
        while let entry = readdir(open) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            guard name.hasPrefix("crash-"), name.hasSuffix(".pcap"), let number = Int(name.dropFirst(6).dropLast(5)), number > 0 else {
                continue
            }
            numbers.append(number)
        }
        return numbers.sorted()
    }
}
