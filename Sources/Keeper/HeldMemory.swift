internal import Admin
internal import CLinux
internal import Linux
public import Runtime
public import SystemPackage

/// Memory that the keeper holds and lends to one director after the other. It never looks into it.
final class HeldMemory {
    private let file: HeldDescriptor
    var descriptor: Int32 { file.number }

    init() throws(Errno) {
        let memory = svs_memory_new("svs journal", UInt64(Layout.size))
        try Errno.check(memory)
        file = HeldDescriptor(memory)
    }

    /// Where things lie in it.
    fileprivate enum Layout {
        /// Whole pages.
        static let clients = (ClientTable.size + 4095) & ~4095
        /// Bytes for what a director is told; pages come into being when they are written.
        static let journal = 64 << 20
        static var size: Int { clients + journal }
    }
}

extension KeptMemory {
    /// Maps what a keeper has handed over, for as long as the process lives. The descriptor is closed.
    /// - Throws: `Errno` when it is no such memory.
    public init(adopting descriptor: Int32) throws(Errno) {
        let file = HeldDescriptor(descriptor)
        guard svs_memory_size(file.number) == HeldMemory.Layout.size else { throw .badFileDescriptor }
        var mapping: UnsafeMutableRawPointer?
        try Errno.check(svs_memory_map(file.number, UInt64(HeldMemory.Layout.size), &mapping))
        let whole = UnsafeMutableRawBufferPointer(start: mapping, count: HeldMemory.Layout.size)
        self.init(
            clients: .init(rebasing: whole[..<HeldMemory.Layout.clients]), journal: .init(rebasing: whole[HeldMemory.Layout.clients...]))
    }
}
