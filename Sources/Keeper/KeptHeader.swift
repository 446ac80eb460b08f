internal import Admin
internal import CLinux
internal import Glibc
internal import Linux
internal import Runtime
internal import SystemPackage

/// What the file of the journal begins with, written by the keeper alone: whose it is, and where its two parts lie, the
/// control clients' table and the journal. Words in the machine's byte order.
struct KeptHeader: Equatable {
    /// Bytes that it has for itself: a page.
    static let length = 4096
    /// "SVSKEPT" and its version.
    private static let magic: UInt64 = 0x5356_534b_4550_5401
    private static let words = 8

    /// Bytes of both parts, whole pages.
    let clients: Int
    let journal: Int
    /// 32 bytes that tell machine, boot and network.
    private(set) var place: [UInt8] = []

    var size: Int { Self.length + clients + journal }

    /// What this version makes. Pages of the journal come into being when they are written.
    static let standard = KeptHeader(clients: (ClientTable.size + 4095) & ~4095, journal: 64 << 20)

    private init(clients: Int, journal: Int) { (self.clients, self.journal) = (clients, journal) }

    /// The header of a file that is as long as it says; `nil` when it has none.
    init?(of file: HeldDescriptor) {
        let bytes = file.beginning(of: Self.words * 8)
        guard bytes.count == Self.words * 8 else { return nil }
        let words = bytes.withUnsafeBytes { raw in (0..<Self.words).map { raw.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) } }
        guard words[0] == Self.magic, words[7] == Self.check(words) else { return nil }
        let size = UInt64(clamping: svs_memory_size(file.number))
        guard words[1] == UInt64(Self.standard.clients), words[2] >= UInt64(Journal.smallest), words[2] <= size,
            UInt64(Self.length) + words[1] + words[2] == size
        else { return nil }
        (clients, journal) = (Int(words[1]), Int(words[2]))
        place = Array(bytes[24..<56])
    }

    /// What keeps a file from being taken up again; `nil` for an empty one, too.
    static func fault(of file: HeldDescriptor, _ place: [UInt8]) -> String? {
        guard svs_memory_size(file.number) != 0 else { return nil }
        guard let found = KeptHeader(of: file) else { return "it is no journal of this version, or not whole" }
        return found.place == place ? nil : "it belongs to another boot or another network namespace"
    }

    /// Makes an empty file one with such a header.
    func write(to file: HeldDescriptor, _ place: [UInt8], _ name: String) throws(RunError) {
        var words: [UInt64] = [Self.magic, UInt64(clients), UInt64(journal)]
        words += place.withUnsafeBytes { raw in (0..<4).map { raw.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) } }
        words.append(Self.check(words))
        let count = words.count * 8
        guard ftruncate(file.number, size) == 0, words.withUnsafeBytes({ pwrite(file.number, $0.baseAddress, count, 0) }) == count else {
            throw RunError("\(name): \(Errno(rawValue: errno))")
        }
    }

    private static func check(_ words: [UInt64]) -> UInt64 {
        words.prefix(7).reduce(0x9e37_79b9_7f4a_7c15) { sum, word in
            let next = (sum ^ word) &* 0xbf58_476d_1ce4_e5b9
            return next ^ next &>> 31
        }
    }
}
