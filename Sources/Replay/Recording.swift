internal import Admin
public import LVS
public import Wire

/// What a running director does, taken down while it does it: frames that arrive, with the time that the director gave them,
/// frames that leave, with the one that caused them, and commands. What is taken down waits in memory until it is taken.
public final class Recording {
    /// Frames that arrived and are kept.
    public private(set) var frames = 0
    /// Why nothing more is taken down.
    public private(set) var end: String?
    private let filter: RecordFilter
    /// Interfaces whose frames are kept; all, when empty.
    private let interfaces: Set<Int32>
    private let limit: Int
    /// Nanoseconds from the director's clock to the calendar.
    public let offset: Instant
    private var taken = FieldWriter()
    /// Numbers of the frames of the batch in hand; -1 for those that are not kept.
    private var numbers: [Int] = []
    /// Frames of the director's own host, which a case has no place for.
    public private(set) var ownFrames = 0

    /// - Parameters:
    ///   - limit: bytes that may wait; when they do, the recording ends.
    ///   - calendar: nanoseconds since 1970 at the director's `clock`. Cases have calendar times; they differ from the
    ///     director's clock by whole ticks of its timers, so that a replay's timers tick in step.
    public init(_ filter: RecordFilter, interfaces: Set<Int32>, limit: Int = 64 << 20, calendar: Instant, clock: Instant) {
        self.filter = filter
        self.interfaces = interfaces
        self.limit = limit
        let tick: Instant = 1 << 23
        offset = max(calendar &- clock, 0) / tick * tick
    }

    /// Takes down a batch's frames, before they are directed.
    public func arriving(_ batch: borrowing Batch, at now: Instant) {
        numbers.removeAll(keepingCapacity: true)
        for i in 0..<batch.count {
            let isOwn = batch[i].ingress < 0
            if isOwn { ownFrames += 1 }
            guard end == nil, !isOwn, interfaces.isEmpty || interfaces.contains(batch[i].ingress), filter.keeps(batch[i]) else {
                numbers.append(-1)
                continue
            }
            numbers.append(frames)
            put(.arrived, batch[i], interface: batch[i].ingress, cause: frames, at: now)
            frames += 1
        }
    }

    /// Takes down what a batch's frames became.
    public func leaving(_ batch: borrowing Batch, at now: Instant) {
        for i in 0..<batch.count where batch[i].egress != 0 {
            let cause = Int(batch[i].cause)
            let number = numbers.indices.contains(cause) ? numbers[cause] : -1
            guard number >= 0, end == nil else { continue }
            put(.left, batch[i], interface: batch[i].egress, cause: number, at: now)
        }
    }

    /// Takes down what left without a batch: by a timer, after the last frame so far; or because a neighbour became known.
    public func leavingLate(_ batch: borrowing Batch, byTimer: Bool, at now: Instant) {
        for i in 0..<batch.count where batch[i].egress != 0 && end == nil && frames > 0 && filter.keeps(batch[i]) {
            put(byTimer ? .left : .released, batch[i], interface: batch[i].egress, cause: frames - 1, at: now)
        }
    }

    /// Takes down a command that was carried out.
    public func changed(_ command: Command) {
        guard end == nil, let line = SaveFormat.line(for: command) else { return }
        put(.command, Array(line.utf8), Offload(), interface: 0, cause: frames, at: 0)
    }

    /// Takes down which addresses of the host have come and gone.
    public func changed(addresses before: [Network.Address], to network: Network) {
        let gone = before.filter { !network.addresses.contains($0) }.map { ("del", $0) }
        let come = network.addresses.filter { !before.contains($0) }.map { ("add", $0) }
        for (verb, address) in gone + come where end == nil {
            guard let name = network.interface(address.interface)?.name else { continue }
            let line = "address \(verb) \(address.address)/\(address.prefixLength) dev \(name)"
            put(.command, Array(line.utf8), Offload(), interface: 0, cause: frames, at: 0)
        }
    }

    /// Ends it from within.
    public func stop(_ reason: String) { end = end ?? reason }

    /// Everything that waits; nothing waits then.
    public func take() -> [UInt8] { taken.take() }

    private func put(_ kind: Piece.Kind, _ frame: Frame, interface: Int32, cause: Int, at now: Instant) {
        put(kind, frame.bytes.array, frame.offload, interface: interface, cause: cause, at: now)
    }

    private func put(_ kind: Piece.Kind, _ content: [UInt8], _ offload: Offload, interface: Int32, cause: Int, at now: Instant) {
        guard taken.bytes.count + content.count + Piece.headerLength <= limit else {
            return stop("frames came faster than they were fetched: \(limit >> 20) MB waited")
        }
        Piece(kind: kind, interface: interface, cause: cause, time: now &+ offset, offload: offload, bytes: content).write(to: &taken)
    }

    /// One thing that was taken down.
    public struct Piece: Sendable {
        public enum Kind: UInt8, Sendable {
            case arrived, left
            /// Left when the neighbour became known that it waited for.
            case released
            /// Words of ipvsadm, carried out before the frame with the number `cause`.
            case command
        }
        public var kind: Kind
        public var interface: Int32
        /// Number of the frame, or of the one that caused it.
        public var cause: Int
        public var time: Instant
        public var offload: Offload
        public var bytes: [UInt8]

        /// Bytes in front of a piece's own.
        static var headerLength: Int { 1 + 4 + 8 + 8 + Offload.length + 4 }

        func write(to out: inout FieldWriter) {
            out.put(kind.rawValue)
            out.put(interface)
            out.put(UInt64(cause))
            out.put(time)
            var header = [UInt8](repeating: 0, count: Offload.length)
            header.withBytes { offload.write(to: $0) }
            out.put(raw: header)
            out.put(bytes)
        }

        /// `nil` at the end, or where a piece is cut off.
        init?(_ fields: inout FieldReader) {
            guard let kind = fields.number(UInt8.self).flatMap({ Kind(rawValue: $0) }), let interface = fields.number(Int32.self),
                let cause = fields.number(UInt64.self).flatMap({ Int(exactly: $0) }), let time = fields.number(Instant.self),
                var header = fields.raw(Offload.length), let bytes = fields.bytes()
            else { return nil }
            self.init(kind: kind, interface: interface, cause: cause, time: time, offload: header.withBytes { Offload($0) }, bytes: bytes)
        }

        init(kind: Kind, interface: Int32, cause: Int, time: Instant, offload: Offload, bytes: [UInt8]) {
            self.kind = kind
            self.interface = interface
            self.cause = cause
            self.time = time
            self.offload = offload
            self.bytes = bytes
        }

        /// The pieces in an answer of the director; what is cut off at its end is not among them.
        public static func pieces(in bytes: [UInt8]) -> [Piece] {
            var fields = FieldReader(bytes)
            var pieces: [Piece] = []
            while let piece = Piece(&fields) { pieces.append(piece) }
            return pieces
        }
    }
}
