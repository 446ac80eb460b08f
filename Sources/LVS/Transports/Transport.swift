public import Wire

/// Which half of a connection a packet belongs to.
@frozen public enum Direction: UInt8, Sendable, BitwiseCopyable {
    /// Client to server, of a connection whose replies pass the director too.
    case input
    /// Server to client.
    case output
    /// Client to server, of a connection without a reply seen so far (IP_VS_CONN_F_NOOUTPUT): direct routing, tunnels.
    case inputOnly
}

/// What the transports have in common: the state of a connection is a number whose meaning depends on the protocol.
public enum Transport {
    /// IP protocol numbers of the transports that can be balanced.
    public static var roster: [UInt8] { [IPProtocol.tcp, IPProtocol.udp, IPProtocol.sctp] }

    /// The kernel's name of a connection's state; `ERR!` for one that does not exist. Templates have names of their own.
    public static func stateName(proto: UInt8, state: UInt8) -> String {
        switch proto {
        case IPProtocol.tcp: TCPState(rawValue: state)?.name ?? "ERR!"
        case IPProtocol.udp: state == 0 ? UDPTracking.stateName : "ERR!"
        case IPProtocol.sctp: SCTPState(rawValue: state)?.name ?? "ERR!"
        default: proto == 0 ? "NONE" : "ERR!"
        }
    }

    /// The kernel's name of a persistence template's state: bit 0 says that one of its connections was established.
    public static func templateStateName(_ state: UInt8) -> String { state & 1 == 0 ? "NONE" : "ASSURED" }

    /// Whether a connection in this state counts as ActiveConn, otherwise as InActConn.
    @inlinable @inline(__always)
    public static func isActive(proto: UInt8, state: UInt8) -> Bool {
        switch proto {
        case IPProtocol.tcp: TCPTracking.isActive(state)
        case IPProtocol.sctp: state == SCTPState.established.rawValue
        default: false
        }
    }
}

/// How long a connection may be silent in each state. In memory of its own, so that looking one up is one load.
public struct TimeoutTable: ~Copyable {
    /// Nanoseconds by group (TCP, SCTP, others) and state, 16 states a group.
    @usableFromInline let slots: Slab<Instant> = Slab(capacity: 48)

    @usableFromInline static var sctp: Int { 16 }
    @usableFromInline static var udp: Int { 32 }
    @usableFromInline static var other: Int { 33 }

    /// The kernel's defaults.
    public init() {
        for state in 0..<16 {
            slots[state] = Self.seconds(2)
            slots[Self.sctp + state] = Self.seconds(61)
        }
        let tcp: [(TCPState, UInt32)] = [
            (.none, 2), (.established, 900), (.synSent, 120), (.synRecv, 60), (.finWait, 120), (.timeWait, 120),
            (.close, 10), (.closeWait, 60), (.lastAck, 30), (.listen, 120), (.synAck, 120),
        ]
        for (state, time) in tcp { slots[Int(state.rawValue)] = Self.seconds(time) }
        for (state, time) in [(.none, 2), (.init1, 4), (.established, 900), (.rejected, 4)] as [(SCTPState, UInt32)] {
            slots[Self.sctp + Int(state.rawValue)] = Self.seconds(time)
        }
        slots[Self.udp] = Self.seconds(300)
        slots[Self.other] = Self.initial
    }

    /// Nanoseconds that a connection gets with each packet. A protocol without tracking gets what every new entry starts with.
    @inlinable @inline(__always)
    public func timeout(proto: UInt8, state: UInt8) -> Instant {
        switch proto {
        case IPProtocol.tcp: slots[Int(state & 15)]
        case IPProtocol.udp: slots[Self.udp]
        case IPProtocol.sctp: slots[Self.sctp &+ Int(state & 15)]
        default: slots[Self.other]
        }
    }

    /// What a new entry starts with, until its first packet is tracked: 3 s.
    @inlinable public static var initial: Instant { 3 * second }

    /// `--set`, in seconds: established TCP, TCP in FIN_WAIT, UDP. 0 leaves one as it is.
    public mutating func set(tcp: UInt32, fin: UInt32, udp: UInt32) {
        if tcp != 0 { slots[Int(TCPState.established.rawValue)] = Self.seconds(tcp) }
        if fin != 0 { slots[Int(TCPState.finWait.rawValue)] = Self.seconds(fin) }
        if udp != 0 { slots[Self.udp] = Self.seconds(udp) }
    }

    /// What `-L --timeout` shows.
    public var shown: Timeouts {
        Timeouts(
            tcp: Self.wholeSeconds(slots[Int(TCPState.established.rawValue)]),
            fin: Self.wholeSeconds(slots[Int(TCPState.finWait.rawValue)]), udp: Self.wholeSeconds(slots[Self.udp]))
    }

    private static func seconds(_ time: UInt32) -> Instant { Instant(time) * second }
    private static func wholeSeconds(_ time: Instant) -> UInt32 { UInt32(truncatingIfNeeded: time / second) }
}

extension Transport {
    /// Whether a connection in this state has come to life.
    static func isEstablished(proto: UInt8, state: UInt8) -> Bool {
        proto == IPProtocol.tcp ? state == TCPState.established.rawValue : state == SCTPState.established.rawValue
    }
}
