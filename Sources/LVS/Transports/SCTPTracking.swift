public import Wire

/// States of a tracked SCTP association, numbered as the kernel numbers them in sync messages.
@frozen public enum SCTPState: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    case none = 0
    case init1, `init`, cookieSent, cookieReplied, cookieWait, cookie, cookieEchoed, established
    case shutdownSent, shutdownReceived, shutdownAckSent, rejected, closed

    /// The kernel's name, as `-L -c` shows it.
    public var name: String {
        switch self {
        case .none: "NONE"
        case .init1: "INIT1"
        case .`init`: "INIT"
        case .cookieSent: "C-SENT"
        case .cookieReplied: "C-REPLIED"
        case .cookieWait: "C-WAIT"
        case .cookie: "COOKIE"
        case .cookieEchoed: "C-ECHOED"
        case .established: "ESTABLISHED"
        case .shutdownSent: "S-SENT"
        case .shutdownReceived: "S-RECEIVED"
        case .shutdownAckSent: "S-ACK-SENT"
        case .rejected: "REJECTED"
        case .closed: "CLOSED"
        }
    }

    /// Counts as ActiveConn: established only.
    public var isActive: Bool { self == .established }
}

/// How a director that may see only the client's half follows an SCTP association.
public enum SCTPTracking {
    /// Type of the chunk that a packet stands for: the first one's, unless a cookie is followed by an ABORT. `nil` when
    /// there is no chunk, which changes no state.
    @inlinable @inline(__always)
    public static func chunk(of header: SCTPHeader) -> UInt8? {
        guard let first = header.firstChunk else { return nil }
        if first == 10 || first == 11 { return afterCookie(header, first) }
        return first
    }

    @usableFromInline
    static func afterCookie(_ header: SCTPHeader, _ first: UInt8) -> UInt8 {
        // A chunk length below 4 is no length; nothing is looked for behind it.
        header.bytes.big16(at: 14) >= 4 && header.secondChunk == 6 ? 6 : first
    }

    /// The state after a packet. A state that does not exist becomes NONE.
    @inlinable @inline(__always)
    public static func next(state: UInt8, chunk: UInt8, direction: Direction) -> UInt8 {
        UInt8(truncatingIfNeeded: row(chunk, direction) &>> (UInt64((13 &- state) & 15) &<< 2)) & 15
    }

    // The rows read like the table: one digit per old state from NONE to CLOSED, its value the new state's number.
    //  0 NONE  1 INIT1  2 INIT  3 C-SENT  4 C-REPLIED  5 C-WAIT  6 COOKIE
    //  7 C-ECHOED  8 ESTABLISHED  9 S-SENT  a S-RECEIVED  b S-ACK-SENT  c REJECTED  d CLOSED

    @inlinable @inline(__always)
    static func row(_ chunk: UInt8, _ direction: Direction) -> UInt64 {
        switch direction {
        case .input: input(chunk)
        case .output: output(chunk)
        case .inputOnly: inputOnly(chunk)
        }
    }

    @inlinable @inline(__always)
    static func input(_ chunk: UInt8) -> UInt64 {
        switch chunk {
        case 1: 0x1223456789ab22  // INIT
        case 2: 0x5553466789abcd  // INIT-ACK
        case 6: 0xdddddcdddddddd  // ABORT
        case 7: 0xa1234567a9abcd  // SHUTDOWN
        case 8: 0xd22345678dadcd  // SHUTDOWN-ACK
        case 9: 0xd123456d89abcd  // ERROR
        case 10: 0x4224456789abcd  // COOKIE-ECHO
        case 11: 0x8123456889abcd  // COOKIE-ACK
        case 14: 0xddd3456789adcd  // SHUTDOWN-COMPLETE
        default: 0x8123456789abcd  // DATA and the rest
        }
    }

    @inlinable @inline(__always)
    static func output(_ chunk: UInt8) -> UInt64 {
        switch chunk {
        case 1: 0x55555555855555
        case 2: 0x3333456789abcd
        case 6: 0xdcdddddddddddd
        case 7: 0x9999999999abcd
        case 8: 0xbbbbb5678bbbcd
        case 9: 0xddddd56789abcd
        case 10: 0x7777777789abcd
        case 11: 0x8888888889abcd
        case 14: 0xd123456789abcd
        default: 0x8123456789abcd
        }
    }

    @inlinable @inline(__always)
    static func inputOnly(_ chunk: UInt8) -> UInt64 {
        switch chunk {
        case 1: 0x1222226789ab22
        case 2: 0x7777776789abcd
        case 6: 0xdddddcdddddddd
        case 7: 0xa1234567a9abcd
        case 8: 0xd2234567ddadcd
        case 9: 0xd123456789abcd
        case 10: 0x8888886789abcd
        case 11: 0x8128858889abcd
        case 14: 0xddddd56789ddcd
        default: 0x8123486789abcd
        }
    }
}
