/// One client of the control server: what it asked and what it has not been told yet.
final class ControlPeer {
    let descriptor: Int32
    /// What whoever took the client calls it.
    let number: UInt64
    let isPrivileged: Bool
    var answer: ControlAnswer?
    /// Nobody reads the answers any more.
    var isDeaf = false
    var isOpen = true
    /// What the server waits for is room to send, not a request.
    var isWatchedForRoom = false
    /// When bytes last went either way, in seconds.
    var moved: UInt64

    private var unsent: [UInt8]?
    private var requests: [NetlinkMessage] = []
    private var taken = 0

    init(descriptor: Int32, number: UInt64, isPrivileged: Bool, now: UInt64) {
        self.descriptor = descriptor
        self.number = number
        self.isPrivileged = isPrivileged
        moved = now
    }

    /// Has something to send or to answer; until then nothing more is read.
    var isBusy: Bool { answer != nil || taken < requests.count }

    /// The packet to send next, of the answer under way.
    func packet() -> [UInt8]? {
        if unsent == nil { unsent = answer?.next() }
        if unsent == nil { answer = nil }
        return unsent
    }

    func sent(discardingRest: Bool) {
        unsent = nil
        if discardingRest { answer = nil }
    }

    func take(_ messages: [NetlinkMessage]) {
        requests = messages
        taken = 0
    }

    func nextRequest() -> NetlinkMessage? {
        guard taken < requests.count else { return nil }
        defer { taken += 1 }
        return requests[taken]
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
