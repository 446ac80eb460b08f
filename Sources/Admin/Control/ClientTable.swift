internal import CLinux

/// How far each client of the control socket was served, in memory that may outlive the process that serves: the next one goes
/// on with the request at which this one ended.
///
/// A request stays at the head of its client's queue until its answer was sent. What is kept here says which number it has and
/// what of it was done: each a word of its own, stored before the step that it tells of.
public final class ClientTable {
    /// Rows, as many as a server has clients.
    static var rows: Int { ControlServer.maximumPeers }
    /// Bytes to lend, zero at first.
    public static var size: Int { (1 + rows) * Row.size }

    private let memory: UnsafeMutableRawBufferPointer
    private let isOwn: Bool
    /// "SVSCLNT" and the layout's version.
    private static var word: UInt64 { 0x5356_5343_4c4e_5401 }

    /// A table that ends with the process.
    public convenience init() { self.init(.allocate(byteCount: Self.size, alignment: 64), isOwn: true) }

    /// Takes over what is in `memory`; bytes that are no such table are overwritten.
    /// - Precondition: it begins at a multiple of 8 and has at least `size` bytes.
    public convenience init(_ memory: UnsafeMutableRawBufferPointer) { self.init(memory, isOwn: false) }

    private init(_ memory: UnsafeMutableRawBufferPointer, isOwn: Bool) {
        precondition(memory.count >= Self.size && Int(bitPattern: memory.baseAddress) & 7 == 0)
        (self.memory, self.isOwn) = (memory, isOwn)
        guard isOwn || svs_observe(memory.baseAddress) != Self.word else { return }
        UnsafeMutableRawBufferPointer(rebasing: memory[..<Self.size]).initializeMemory(as: UInt8.self, repeating: 0)
        svs_publish(memory.baseAddress, Self.word)
    }

    deinit { if isOwn { memory.deallocate() } }

    /// One client.
    struct Row {
        static var size: Int { 64 }
        fileprivate let start: UnsafeMutableRawPointer

        /// What whoever holds the client's descriptor calls it; 0 for a free row.
        fileprivate(set) var number: UInt64 {
            get { self[0] }
            nonmutating set { self[0] = newValue }
        }
        /// Its name in the journal: no other client has it or had it.
        fileprivate(set) var serial: UInt64 {
            get { self[1] }
            nonmutating set { self[1] = newValue }
        }
        /// Number of the first request in the datagram that was looked at last.
        var begun: UInt64 {
            get { self[2] }
            nonmutating set { self[2] = newValue }
        }
        /// Number of the last request whose answer was sent to its end.
        var done: UInt64 {
            get { self[3] }
            nonmutating set { self[3] = newValue }
        }
        /// Number of a request whose answer has several packets, of which some may have been sent; 0 for none.
        var partial: UInt64 {
            get { self[4] }
            nonmutating set { self[4] = newValue }
        }
        /// How often the request behind `done` was begun.
        var tries: UInt64 {
            get { self[5] }
            nonmutating set { self[5] = newValue }
        }

        private subscript(word: Int) -> UInt64 {
            get { svs_observe(start + word * 8) }
            nonmutating set { svs_publish(start + word * 8, newValue) }
        }
    }

    private func row(at place: Int) -> Row? { memory.baseAddress.map { Row(start: $0 + (1 + place) * Row.size) } }
    private var all: [Row] { (0..<Self.rows).compactMap { row(at: $0) } }

    /// The row of a client, made for it when there is none; `nil` when all are taken.
    func row(of number: UInt64) -> Row? {
        if let row = all.first(where: { $0.number == number }) { return row }
        guard number != 0, let row = all.first(where: { $0.number == 0 }), let base = memory.baseAddress else { return nil }
        let serial = svs_observe(base + 8) &+ 1
        svs_publish(base + 8, serial)
        (row.begun, row.done, row.partial, row.tries, row.serial) = (0, 0, 0, 0, serial)
        row.number = number
        return row
    }

    func free(_ row: Row) { row.number = 0 }

    /// Frees the rows of all other clients.
    func keepOnly(_ numbers: Set<UInt64>) { for row in all where row.number != 0 && !numbers.contains(row.number) { free(row) } }

    /// Whether the answer to a request may still be wanted: its client is there, and it was not sent to its end.
    public func isOpen(_ request: RequestNumber) -> Bool {
        all.contains { $0.number != 0 && $0.serial == request.client && $0.done < request.number }
    }
}
