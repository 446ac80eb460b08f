/// Memory that outlives a director: whoever lends it lends the same to the next one. It is zero at first.
public struct KeptMemory {
    /// The control clients' table (`ClientTable`).
    public var clients: UnsafeMutableRawBufferPointer
    /// What the director was told (`Journal`).
    public var journal: UnsafeMutableRawBufferPointer

    public init(clients: UnsafeMutableRawBufferPointer, journal: UnsafeMutableRawBufferPointer) {
        self.clients = clients
        self.journal = journal
    }
}
