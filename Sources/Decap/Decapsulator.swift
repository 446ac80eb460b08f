public import Wire

/// The real server's end of a tunnel: takes outer headers off. Bytes go in, the place of the inner packet or the reason
/// against it comes out; it owns no socket.
///
/// One layer is taken off, however many there are. What the inner packet is good for is the host's to judge; it has to be
/// an IP packet that is wholly there.
public struct Decapsulator: Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        /// IP in IP, all four combinations of families.
        case ipip
        /// Generic UDP encapsulation, variants 0 and 1.
        case gue
        /// Generic routing encapsulation; checksum, key and sequence number are understood, key and number ignored.
        case gre
    }

    /// Addresses that agree with `address` in their first `length` bits.
    public struct Prefix: Hashable, Sendable {
        public var address: IPAddress
        public var length: Int

        public init(address: IPAddress, length: Int) {
            self.address = address
            self.length = length
        }
    }

    public var kind: Kind
    /// UDP port of GUE; IANA's is 6080.
    public var port: UInt16
    /// Outer sources that may send; everybody when empty.
    public var sources: [Prefix]
    /// Inner destinations that are let through; all when empty.
    public var destinations: Set<IPAddress>

    public init(_ kind: Kind, port: UInt16 = 6080, sources: [Prefix] = [], destinations: Set<IPAddress> = []) {
        self.kind = kind
        self.port = port
        self.sources = sources
        self.destinations = destinations
    }

    /// Why a packet of the tunnel was not taken.
    public enum Refusal: String, CaseIterable, Sendable {
        case strangeSource = "strange-source"
        /// A tunnel header that does not stand there in full, or of a version nobody knows.
        case badHeader = "bad-header"
        case badChecksum = "bad-checksum"
        case controlMessage = "control-message"
        /// A flag whose meaning, and so whose room in the header, is not known.
        case unknownFlag = "unknown-flag"
        case unknownProtocol = "unknown-protocol"
        /// No IP packet of the announced version, or longer than what carries it.
        case badInner = "bad-inner"
        case strangeDestination = "strange-destination"
        /// A router marked congestion on a packet whose ends know nothing of such marks (RFC 6040 section 4.2).
        case congestion
    }

    /// What a packet turned out to be.
    public enum Outcome: Equatable, Sendable {
        case inner(Inner)
        /// A fragment of an outer packet: nothing can be said before it is whole.
        case fragment
        /// No packet of the tunnel.
        case other
        case refused(Refusal)
    }

    /// Where the inner packet is, in bytes from the start of the outer one.
    public struct Inner: Hashable, Sendable {
        public var offset: Int
        public var length: Int
        public var family: IPFamily

        public init(offset: Int, length: Int, family: IPFamily) {
            self.offset = offset
            self.length = length
            self.family = family
        }
    }

    /// Looks at an IP packet. A remotely offloaded inner checksum is filled in, and a congestion mark on the outer header is
    /// handed on; nothing else is changed. With `trustsChecksums` outer checksums are not looked at, because somebody has
    /// checked them or they were never filled in.
    public func unwrap(_ packet: Bytes, trustsChecksums: Bool = false) -> Outcome {
        guard let outer = Outer(packet), !outer.isFragment || isOfTunnel(outer) else { return .other }
        guard !outer.isFragment else { return .fragment }
        guard isOfTunnel(outer) else { return .other }
        guard sources.isEmpty || sources.contains(where: { outer.source.matches($0.address, length: $0.length) }) else {
            return .refused(.strangeSource)
        }
        switch content(of: outer, trustsChecksums) {
        case .failure(let refusal): return .refused(refusal)
        case .success(let content): return inner(content, outer)
        }
    }

    /// Whether an outer packet is of this tunnel. A later fragment of a UDP datagram has no port to tell.
    private func isOfTunnel(_ outer: Outer) -> Bool {
        switch kind {
        case .ipip: return outer.proto == IPProtocol.ipip || outer.proto == IPProtocol.ipv6
        case .gre: return outer.proto == IPProtocol.gre
        case .gue:
            guard outer.proto == IPProtocol.udp else { return false }
            if outer.isLaterFragment { return true }
            return UDPHeader(outer.payload).map { $0.destinationPort == port } ?? false
        }
    }

    /// What a tunnel header leads to.
    private struct Content {
        var family: IPFamily
        /// From the start of the outer payload.
        var offset: Int
        var end: Int
        var remoteChecksum: (start: Int, field: Int)?
    }

    private enum Judgement {
        case success(Content)
        case failure(Refusal)
    }

    private func content(of outer: Outer, _ trustsChecksums: Bool) -> Judgement {
        switch kind {
        case .ipip:
            return .success(Content(family: outer.proto == IPProtocol.ipip ? .v4 : .v6, offset: 0, end: outer.payload.count))
        case .gre: return greContent(outer.payload, trustsChecksums)
        case .gue: return gueContent(outer, trustsChecksums)
        }
    }

    private func greContent(_ payload: Bytes, _ trustsChecksums: Bool) -> Judgement {
        guard payload.count >= 4 else { return .failure(.badHeader) }
        let word = payload.big16(at: 0)
        guard word & 7 == 0 else { return .failure(.badHeader) }
        // Routing, strict source route, recursion control and the reserved bits.
        guard word & 0x4ff8 == 0 else { return .failure(.unknownFlag) }
        guard let header = GREHeader(payload) else { return .failure(.badHeader) }
        guard trustsChecksums || header.hasValidChecksum else { return .failure(.badChecksum) }
        switch header.proto {
        case EtherType.ipv4: return .success(Content(family: .v4, offset: header.length, end: payload.count))
        case EtherType.ipv6: return .success(Content(family: .v6, offset: header.length, end: payload.count))
        default: return .failure(.unknownProtocol)
        }
    }

    private func gueContent(_ outer: Outer, _ trustsChecksums: Bool) -> Judgement {
        guard let udp = UDPHeader(outer.payload), udp.length >= 8, udp.length <= outer.payload.count else { return .failure(.badHeader) }
        let datagram = outer.payload.prefix(udp.length)
        guard
            trustsChecksums || udp.checksum == 0
                || Checksum.of(datagram, from: outer.source, to: outer.destination, proto: IPProtocol.udp) == 0
        else {
            return .failure(.badChecksum)
        }
        guard let header = GUEHeader(datagram.dropFirst(8)) else { return .failure(.badHeader) }
        guard !header.isControl else { return .failure(.controlMessage) }
        var content = Content(family: .v4, offset: 8 + header.length, end: datagram.count)
        switch header.proto {
        case IPProtocol.ipip: break
        case IPProtocol.ipv6: content.family = .v6
        default: return .failure(.unknownProtocol)
        }
        // Bit 0x0001 announces private flags, of which remote checksum offload is the one known.
        guard header.flags & ~1 == 0 else { return .failure(.unknownFlag) }
        if header.flags == 1 {
            guard header.length >= 8 else { return .failure(.badHeader) }
            guard header.privateFlags & 0x7fff_ffff == 0 else { return .failure(.unknownFlag) }
            if header.privateFlags != 0 {
                guard let place = header.remoteChecksum else { return .failure(.badHeader) }
                content.remoteChecksum = place
            }
        }
        return .success(content)
    }

    /// The inner packet, when it is one.
    private func inner(_ content: Content, _ outer: Outer) -> Outcome {
        let bytes = outer.payload.prefix(content.end).dropFirst(content.offset)
        let length: Int, destination: IPAddress
        switch content.family {
        case .v4:
            guard let header = IPv4Header(bytes), header.totalLength >= header.length, header.totalLength <= bytes.count else {
                return .refused(.badInner)
            }
            length = header.totalLength
            destination = header.destination
        case .v6:
            guard let header = IPv6Header(bytes), header.payloadLength + 40 <= bytes.count else { return .refused(.badInner) }
            length = header.payloadLength + 40
            destination = header.destination
        }
        guard destinations.isEmpty || destinations.contains(destination) else { return .refused(.strangeDestination) }
        let packet = bytes.prefix(length)
        if let place = content.remoteChecksum, !Self.complete(packet, place, content.family) { return .refused(.badInner) }
        if outer.isCongested, !Self.markCongested(packet, content.family) { return .refused(.congestion) }
        return .inner(Inner(offset: outer.headerLength + content.offset, length: length, family: content.family))
    }

    /// Fills in the checksum that the sender left to the receiver; the field holds the sum of the pseudo-header.
    private static func complete(_ packet: Bytes, _ place: (start: Int, field: Int), _ family: IPFamily) -> Bool {
        guard place.start >= family.headerLength, place.field >= place.start, place.field + 2 <= packet.count else { return false }
        let value = Checksum.of(packet.dropFirst(place.start))
        packet.setBig16(value == 0 ? 0xffff : value, at: place.field)
        return true
    }

    /// Hands a congestion mark on; false where the inner packet's ends do not understand it.
    private static func markCongested(_ packet: Bytes, _ family: IPFamily) -> Bool {
        switch family {
        case .v4:
            guard let header = IPv4Header(packet), header.typeOfService & 3 != 0 else { return false }
            let old = packet.big16(at: 0)
            header.typeOfService |= 3
            header.checksum = Checksum.update(header.checksum, from: old, to: packet.big16(at: 0))
        case .v6:
            guard packet[1] & 0x30 != 0 else { return false }
            packet[1] |= 0x30
        }
        return true
    }
}
