public import Wire

/// States of a tracked TCP connection, numbered as the kernel numbers them in sync messages.
@frozen public enum TCPState: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    case none = 0
    case established, synSent, synRecv, finWait, timeWait, close, closeWait, lastAck, listen, synAck

    /// The kernel's name, as `-L -c` shows it.
    public var name: String {
        switch self {
        case .none: "NONE"
        case .established: "ESTABLISHED"
        case .synSent: "SYN_SENT"
        case .synRecv: "SYN_RECV"
        case .finWait: "FIN_WAIT"
        case .timeWait: "TIME_WAIT"
        case .close: "CLOSE"
        case .closeWait: "CLOSE_WAIT"
        case .lastAck: "LAST_ACK"
        case .listen: "LISTEN"
        case .synAck: "SYNACK"
        }
    }

    /// Counts as ActiveConn: from a SYN on until somebody closes.
    public var isActive: Bool { TCPTracking.isActive(rawValue) }
}

/// How a director that may see only the client's half follows a TCP connection.
public enum TCPTracking {
    /// The state after a segment. `secure` is the table of `secure_tcp`, which believes in a connection only when the
    /// server has answered. A state that does not exist becomes NONE or CLOSE.
    @inlinable @inline(__always)
    public static func next(state: UInt8, flags: TCPFlags, direction: Direction, secure: Bool) -> UInt8 {
        let row: UInt64
        // The first flag that matches is the event, so a SYN+ACK is a SYN.
        if flags.contains(.rst) {
            row = reset(direction, secure: secure)
        } else if flags.contains(.syn) {
            row = synchronize(direction, secure: secure)
        } else if flags.contains(.fin) {
            row = finish(direction, secure: secure)
        } else if flags.contains(.ack) {
            row = acknowledge(direction, secure: secure)
        } else {
            return TCPState.close.rawValue
        }
        return UInt8(truncatingIfNeeded: row &>> (UInt64((10 &- state) & 15) &<< 2)) & 15
    }

    /// ESTABLISHED, SYN_SENT, SYN_RECV and SYNACK.
    @inlinable @inline(__always)
    public static func isActive(_ state: UInt8) -> Bool {
        state < 16 && (UInt16(0b100_0000_1110) &>> UInt16(state)) & 1 != 0
    }

    /// NONE, SYN_SENT, SYN_RECV and SYNACK: the handshake is not through.
    static func isHalfOpen(_ state: UInt8) -> Bool {
        state < 16 && (UInt16(0b100_0000_1101) &>> UInt16(state)) & 1 != 0
    }

    // The rows read like the table: one digit per old state from NONE to SYNACK, its value the new state's number.
    //  0 NONE  1 ESTABLISHED  2 SYN_SENT  3 SYN_RECV  4 FIN_WAIT  5 TIME_WAIT
    //  6 CLOSE  7 CLOSE_WAIT  8 LAST_ACK  9 LISTEN  a SYNACK

    @inlinable @inline(__always)
    static func synchronize(_ direction: Direction, secure: Bool) -> UInt64 {
        switch (direction, secure) {
        case (.input, false): 0x31133333333
        case (.input, true): 0x3113333333a
        case (.output, false): 0x21232222293
        case (.output, true): 0x212a222229a
        case (.inputOnly, false): 0x31133333333
        case (.inputOnly, true): 0xa113aaaaaaa
        }
    }

    @inlinable @inline(__always)
    static func finish(_ direction: Direction, secure: Bool) -> UInt64 {
        switch direction {
        case .input: secure ? 0x6725556789a : 0x67255567895
        case .output: 0x54254565895
        case .inputOnly: 0x64254567895
        }
    }

    @inlinable @inline(__always)
    static func acknowledge(_ direction: Direction, secure: Bool) -> UInt64 {
        switch direction {
        case .input: secure ? 0x1123456769a : 0x11214567691
        case .output: 0x11214567811
        case .inputOnly: 0x11214567691
        }
    }

    @inlinable @inline(__always)
    static func reset(_ direction: Direction, secure: Bool) -> UInt64 {
        switch direction {
        case .input: secure ? 0x66636666896 : 0x66636666893
        case .output: 0x66266566666
        case .inputOnly: 0x66636666896
        }
    }
}
