import Wire

/// The options of a hop-by-hop or destination options header (RFC 8200 section 4.2), judged as Linux does.
enum ExtensionOptions {
    enum Judgement {
        case fine
        case dropped
        /// A parameter problem with this code, pointing at a byte of the packet. Unknown options may demand silence towards
        /// groups.
        case problem(code: UInt8, place: Int, silentToGroups: Bool)
    }

    /// Judges the header that stands `place` bytes into an IPv6 packet.
    static func judge(_ packet: Bytes, at place: Int, isHopByHop: Bool) -> Judgement {
        guard packet.holds(8, at: place) else { return .dropped }
        let end = place + (Int(packet[place + 1]) + 1) * 8
        guard end <= packet.count else { return .dropped }
        var i = place + 2, padding = 0, options = 0
        while i < end {
            if packet[i] == 0 {
                padding += 1
                i += 1
                // More than alignment can ask for is a covert channel.
                if padding > 7 { return .dropped }
                continue
            }
            guard i + 2 <= end, i + 2 + Int(packet[i + 1]) <= end else { return .dropped }
            let length = Int(packet[i + 1]) + 2
            if packet[i] == 1 {
                padding += length
                guard padding <= 7, packet.dropFirst(i + 2).prefix(length - 2).isZero else { return .dropped }
            } else {
                padding = 0
                options += 1
                guard options <= 8 else { return .dropped }
                let judgement = judgeOption(packet, at: i, isHopByHop: isHopByHop)
                guard case .fine = judgement else { return judgement }
            }
            i += length
        }
        return .fine
    }

    private static func judgeOption(_ packet: Bytes, at i: Int, isHopByHop: Bool) -> Judgement {
        let kind = packet[i]
        switch (kind, isHopByHop) {
        // Router alert (RFC 2711), labels (RFC 5570); home address (RFC 6275).
        case (5, true): return packet[i + 1] == 2 ? .fine : .dropped
        case (7, true), (0xc9, false): return .fine
        case (0xc2, true): return judgeJumbo(packet, at: i)
        default: break
        }
        switch kind >> 6 {
        case 0: return .fine
        case 1: return .dropped
        default: return .problem(code: 2, place: i, silentToGroups: kind >> 6 == 3)
        }
    }

    /// A jumbo payload (RFC 2675) in a packet that has a length, as all have that fit a frame.
    private static func judgeJumbo(_ packet: Bytes, at i: Int) -> Judgement {
        guard packet[i + 1] == 4, i & 3 == 2 else { return .dropped }
        return .problem(code: 0, place: packet.big32(at: i + 2) <= 65535 ? i + 2 : i, silentToGroups: false)
    }
}

extension Bytes {
    fileprivate var isZero: Bool {
        for i in 0..<count where self[i] != 0 { return false }
        return true
    }
}

extension Director {
    /// Hop-by-hop options concern every host on the way, before anybody else looks at the packet.
    mutating func reviewHopByHop(_ frame: Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict? {
        let bytes = frame.bytes.dropFirst(Int(packet.network)).prefix(Int(packet.length))
        return refuse(ExtensionOptions.judge(bytes, at: 40, isHopByHop: true), frame, packet, &context)
    }

    private mutating func refuse(_ judgement: ExtensionOptions.Judgement, _ frame: Frame, _ packet: Packet, _ context: inout PacketContext)
        -> Verdict?
    {
        switch judgement {
        case .fine: return nil
        case .dropped: return .optionsRefused
        case .problem(let code, let place, let silentToGroups):
            guard speaks(for: packet, frame), !silentToGroups || !packet.flow.destination.isMulticast else { return .optionsRefused }
            let message = ICMPMessage(type: ICMPv6Type.parameterProblem, code: code, rest: UInt32(truncatingIfNeeded: place))
            let source = isLocal(packet, frame) ? packet.flow.destination : host.path(to: packet.flow.source).local
            if tell(packet, of: frame, message, from: source, &context) { countOwnError(about: packet, &context) }
            return .optionsRefused
        }
    }

    /// What stands between an IPv6 packet's header and what it carries, as its receiver sees it: options, routing headers that
    /// would lead on, headers nobody here speaks. `nil` when nothing is wrong.
    mutating func refuseExtensions(_ frame: Frame, _ packet: Packet, _ context: inout PacketContext) -> Verdict? {
        let bytes = frame.bytes.dropFirst(Int(packet.network)).prefix(Int(packet.length))
        guard bytes.count >= 40 else { return .malformed }
        var naming = 6, place = 40
        while true {
            switch bytes[naming] {
            case IPProtocol.hopByHop:
                guard naming == 6 else { return refuse(.problem(code: 1, place: naming, silentToGroups: false), frame, packet, &context) }
            case IPProtocol.destinationOptions:
                if let refusal = refuse(ExtensionOptions.judge(bytes, at: place, isHopByHop: false), frame, packet, &context) {
                    return refusal
                }
            case IPProtocol.routing:
                guard bytes.holds(8, at: place) else { return .malformed }
                // Segment routing (RFC 8754, RFC 6554) is off.
                if bytes[place + 2] == 3 || bytes[place + 2] == 4 { return .optionsRefused }
                if bytes[place + 3] > 0 {
                    return refuse(.problem(code: 0, place: place + 2, silentToGroups: false), frame, packet, &context)
                }
            case IPProtocol.ah:
                return refuse(.problem(code: 1, place: naming, silentToGroups: false), frame, packet, &context)
            default:
                return nil
            }
            guard bytes.holds(8, at: place) else { return .malformed }
            naming = place
            place += (Int(bytes[place + 1]) + 1) * 8
        }
    }
}
