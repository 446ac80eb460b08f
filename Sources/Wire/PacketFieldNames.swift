extension PacketDescription {
    /// The names of all fields that a frame can be taken apart into, over all headers.
    public static var fieldNames: [String] {
        let names = [
            "DF", "MF", "ack", "bytes", "checksum", "code", "control", "data offset", "destination", "destination port",
            "drop eligible", "flags", "flow", "id", "key", "len", "length", "more", "offset", "operation", "options", "padding",
            "payload", "priority", "protocol", "reserved", "reserved flag", "rest", "sender", "sender MAC", "seq", "sequence",
            "source", "source port", "tag", "target", "target MAC", "tos", "ttl", "type", "urgent", "variant", "window",
        ]
        let extensions = [
            IPProtocol.hopByHop, IPProtocol.routing, IPProtocol.destinationOptions, IPProtocol.ah,
        ].map(name)
        return names + extensions + (0..<15).map(chunkName) + ["chunk"]
    }
}
