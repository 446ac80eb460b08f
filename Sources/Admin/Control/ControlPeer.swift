/// One client of the control server: what it asked and what it has not been told yet.
final class ControlPeer {
    let descriptor: Int32
    /// What whoever took the client calls it.
    let number: UInt64
    let permission: ControlPermission
    /// How far it was served.
    let row: ClientTable.Row
    private(set) var answer: ControlAnswer?
    /// Nobody reads the answers any more.
    var isDeaf = false
    var isOpen = true
    /// What the server waits for is room to send, not a request.
    var isWatchedForRoom = false
    /// When bytes last went either way, in seconds.
    var moved: UInt64
    /// The same in the order of all clients.
    var order: UInt64 = 0

    private var unsent: [UInt8]?
    /// What the datagram at the head of the queue asks; `nil` before it was looked at.
    private var requests: [NetlinkMessage]?
    /// Number of the first of them, or of the first of the datagram that comes next.
    private(set) var first: UInt64
    private var taken = 0
    /// A try at the request that comes next, or is being answered, was counted.
    private(set) var isCounted = false
    /// Number of the request that is being answered.
    private(set) var underWay: UInt64?

    /// - Parameter wasPeeked: the datagram at the head of the queue was looked at before, by whoever served the client then.
    init(descriptor: Int32, number: UInt64, permission: ControlPermission, row: ClientTable.Row, wasPeeked: Bool, now: UInt64) {
        self.descriptor = descriptor
        self.number = number
        self.permission = permission
        self.row = row
        first = wasPeeked ? row.begun : row.done &+ 1
        moved = now
    }

    /// Has something to send or to answer; until then nothing more is read.
    var isBusy: Bool { requests != nil }

    /// The packet to send next, of the answer under way; an empty one when it is to be asked for again.
    func packet(_ table: ControlAnswer.Table) -> [UInt8]? {
        guard unsent == nil else { return unsent }
        guard let next = answer?.next(table) else {
            answer = nil
            return nil
        }
        if !next.isEmpty { unsent = next }
        return next
    }

    /// Says, before a packet is sent, that a part of the answer may have gone; and takes it back when it has not.
    func noteSending(_ isSending: Bool) {
        guard let underWay, let answer, answer.hasParts, !answer.hasBegun else { return }
        row.partial = isSending ? underWay : 0
    }

    func sent(discardingRest: Bool) {
        unsent = nil
        answer?.hasBegun = true
        if discardingRest { answer = nil }
    }

    /// The datagram at the head of the queue. What was answered of it before is left out.
    func take(_ messages: [NetlinkMessage]) {
        requests = messages
        taken = row.done >= first ? Int(clamping: row.done - first &+ 1) : 0
    }

    /// The datagram at the head of the queue is none: the answer says so.
    func refuse(_ refusal: ControlAnswer?) {
        requests = []
        underWay = first
        answer = row.done >= first ? nil : refusal
    }

    func nextRequest() -> (message: NetlinkMessage, number: UInt64)? {
        guard let requests, taken < requests.count else { return nil }
        defer { taken += 1 }
        return (requests[taken], first &+ UInt64(taken))
    }

    /// Counts a try at the request that came last, once.
    func countTry() {
        if !isCounted { row.tries += 1 }
        isCounted = true
    }

    /// The request that came last comes again.
    func putBack() { taken -= 1 }

    func begin(_ number: UInt64, _ answer: ControlAnswer?) {
        underWay = number
        self.answer = answer
    }

    /// The answer under way is at its end.
    func settle() {
        guard let underWay else { return }
        row.done = underWay
        row.partial = 0
        row.tries = 0
        isCounted = false
        self.underWay = nil
    }

    /// The datagram was taken off the queue.
    func consumed() {
        first = row.done &+ 1
        requests = nil
    }

    /// A refusal of bytes that are no message; `nil` when not even a header is there.
    static func refusal(_ bytes: [UInt8], _ errno: Int32) -> ControlAnswer? {
        guard bytes.count >= NetlinkMessage.headerLength else { return nil }
        let header = NetlinkMessage(
            type: bytes[...].native16(at: 4), flags: bytes[...].native16(at: 6),
            sequence: bytes[...].native32(at: 8), port: bytes[...].native32(at: 12), payload: [])
        return ControlAnswer(.answer(errno: errno, to: header))
    }
}
