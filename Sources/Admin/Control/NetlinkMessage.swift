/// One netlink message: the header `nlmsghdr` {u32 length, u16 type, u16 flags, u32 sequence, u32 port}, native byte
/// order, and what follows it (RFC 3549 section 2.2).
public struct NetlinkMessage: Hashable, Sendable {
    public var type: UInt16
    public var flags: UInt16
    public var sequence: UInt32
    /// Port id of the socket that asked; an answer carries the same.
    public var port: UInt32
    public var payload: [UInt8]

    public static var headerLength: Int { 16 }

    /// Message types below 16 are the protocol's own.
    public enum Kind {
        public static var error: UInt16 { 2 }
        public static var done: UInt16 { 3 }
        /// The generic netlink controller, GENL_ID_CTRL.
        public static var controller: UInt16 { 0x10 }
    }

    /// NLM_F_*.
    public enum Flags {
        public static var request: UInt16 { 0x001 }
        public static var multi: UInt16 { 0x002 }
        public static var ack: UInt16 { 0x004 }
        /// NLM_F_ROOT | NLM_F_MATCH; both bits must be set.
        public static var dump: UInt16 { 0x300 }
        /// In an error: the request's payload is left out.
        public static var capped: UInt16 { 0x100 }
        /// In an error: attributes follow, 1 being a text.
        public static var ackAttributes: UInt16 { 0x200 }
    }

    public init(type: UInt16, flags: UInt16, sequence: UInt32, port: UInt32, payload: [UInt8]) {
        self.type = type
        self.flags = flags
        self.sequence = sequence
        self.port = port
        self.payload = payload
    }

    public var isDump: Bool { flags & Flags.dump == Flags.dump }
    public var wantsAck: Bool { flags & Flags.ack != 0 }

    /// The message as it travels, padded to a multiple of four.
    public var bytes: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(Self.headerLength + payload.count + 3)
        header(length: Self.headerLength + payload.count, into: &out)
        out += payload
        out.pad4()
        return out
    }

    func header(length: Int, into out: inout [UInt8]) {
        out.appendNative(UInt32(truncatingIfNeeded: length))
        out.appendNative(type)
        out.appendNative(flags)
        out.appendNative(sequence)
        out.appendNative(port)
    }

    /// Every message of a datagram, or `nil` when a length does not fit: then nothing of the datagram is believed.
    public static func messages(in datagram: [UInt8]) -> [NetlinkMessage]? {
        guard datagram.count >= headerLength else { return nil }
        var messages: [NetlinkMessage] = []
        var rest = datagram[...]
        while rest.count >= headerLength {
            let start = rest.startIndex
            let length = Int(rest.native32(at: 0))
            guard length >= headerLength, length <= rest.count else { return nil }
            messages.append(
                NetlinkMessage(
                    type: rest.native16(at: 4), flags: rest.native16(at: 6), sequence: rest.native32(at: 8),
                    port: rest.native32(at: 12), payload: Array(rest[(start + headerLength)..<(start + length)])))
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return messages
    }
}

/// A generic netlink body: `genlmsghdr` {u8 command, u8 version, u16 0} and attributes.
public struct GenericMessage: Hashable, Sendable {
    public var command: UInt8
    public var version: UInt8
    public var attributes: [UInt8]

    public init(command: UInt8, version: UInt8 = 1, attributes: [UInt8] = []) {
        self.command = command
        self.version = version
        self.attributes = attributes
    }

    /// `nil` when the payload is shorter than the header.
    public init?(_ payload: [UInt8]) {
        guard payload.count >= 4 else { return nil }
        command = payload[0]
        version = payload[1]
        attributes = Array(payload[4...])
    }

    public var payload: [UInt8] { [command, version, 0, 0] + attributes }
}

extension NetlinkMessage {
    /// An acknowledgement (`errno` 0) or a refusal of `request`: {s32 -errno, the request's header, on error its payload}.
    /// A `text` travels as extended acknowledgement.
    public static func answer(errno: Int32, to request: NetlinkMessage, text: String = "") -> NetlinkMessage {
        var out: [UInt8] = []
        out.appendNative(UInt32(bitPattern: 0 &- errno))
        request.header(length: headerLength + request.payload.count, into: &out)
        var flags: UInt16 = 0
        if errno != 0 && request.payload.count <= 2048 {
            out += request.payload
            out.pad4()
        } else {
            flags |= Flags.capped
        }
        if !text.isEmpty {
            flags |= Flags.ackAttributes
            var attributes = AttributeWriter()
            attributes.put(1, string: text)
            out += attributes.bytes
        }
        return NetlinkMessage(type: Kind.error, flags: flags, sequence: request.sequence, port: request.port, payload: out)
    }

    /// For an error message: the positive errno (0 acknowledges) and the text, if one came along.
    public var refusal: (errno: Int32, text: String)? {
        guard type == Kind.error, payload.count >= 4 else { return nil }
        let errno = 0 &- Int32(bitPattern: payload[...].native32(at: 0))
        guard flags & Flags.ackAttributes != 0, payload.count >= 4 + Self.headerLength else { return (errno, "") }
        var skipped = 4 + Self.headerLength
        if flags & Flags.capped == 0 {
            let quoted = Int(payload[...].native32(at: 4))
            guard quoted >= Self.headerLength, quoted <= payload.count - 4 else { return (errno, "") }
            skipped = 4 + ((quoted + 3) & ~3)
        }
        return (errno, NetlinkAttributes(payload.dropFirst(skipped))?.string(1) ?? "")
    }
}
