import Wire

/// The options of an IPv4 packet (RFC 791 section 3.1, RFC 1122 section 3.2.1.8) as Linux treats them where a packet comes in:
/// checked, and filled in where a route or time is to be recorded.
struct IPOptions: BitwiseCopyable {
    /// Where the record route, timestamp and commercial security options stand from the start of the IP header; 0 without.
    private(set) var route = 0
    private(set) var timestamp = 0
    private(set) var security = 0
    /// This host stands in the record, so that whoever sends it on may correct the entry.
    private(set) var recordsRoute = false
    private(set) var recordsTime = false
    /// A source route stands there.
    private(set) var hasSourceRoute = false
    /// The options as they are now differ from those that came in.
    private(set) var areChanged = false
    /// The IP header's checksum as it came in, and as it is right now, where they differ.
    private(set) var checksums: (old: UInt16, new: UInt16) = (0, 0)
    /// All options after they were filled in, and their length in bytes: an IPv4 header has room for forty.
    private var bytes = InlineArray<40, UInt8>(repeating: 0)
    private(set) var length = 0

    /// Where the first error is, in bytes from the start of the IP header.
    struct Defect: Error { var place: Int }

    /// What the host writes into options.
    struct Host {
        /// Its address where the packet came in.
        var address: IPAddress
        /// Milliseconds; RFC 791 marks a time that is not since midnight by its highest bit.
        var milliseconds: UInt32
        /// Whether a prescribed address is the host's.
        var isMine: (IPAddress) -> Bool
    }

    init() {}

    /// Reviews the options of a header and fills them in; the header's checksum is brought up to date.
    /// - Returns: where the sender is to be pointed to when something is wrong.
    mutating func review(_ header: IPv4Header, at host: Host) -> Defect? {
        let options = header.bytes.prefix(header.length)
        let old = header.checksum
        let failure = walk(options, host)
        if areChanged { header.fillChecksum() }
        checksums = (old, header.checksum)
        length = min(options.count - 20, bytes.count)
        for i in 0..<length { bytes[i] = options[20 + i] }
        return failure
    }

    /// The header's checksum has been computed anew since.
    mutating func settle() { checksums = (0, 0) }

    private mutating func walk(_ options: Bytes, _ host: Host) -> Defect? {
        var place = 20
        while place < options.count {
            let kind = options[place]
            if kind == 0 {
                clear(options, from: place + 1)
                return nil
            }
            if kind == 1 { place += 1; continue }
            guard place + 2 <= options.count else { return Defect(place: place) }
            let length = Int(options[place + 1])
            guard length >= 2, place + length <= options.count else { return Defect(place: place) }
            let option = options.dropFirst(place).prefix(length)
            if let offset = review(option, kind, at: place, host) { return Defect(place: place + offset) }
            place += length
        }
        return nil
    }

    /// Nothing may hide behind the end of the list.
    private mutating func clear(_ options: Bytes, from place: Int) {
        for i in place..<max(place, options.count) where options[i] != 0 {
            options[i] = 0
            areChanged = true
        }
    }

    /// Reviews one option; the offset in it of what is wrong.
    private mutating func review(_ option: Bytes, _ kind: UInt8, at place: Int, _ host: Host) -> Int? {
        switch kind {
        case 131, 137: return reviewSourceRoute(option)
        case 7: return reviewRoute(option, at: place, host)
        case 68: return reviewTimestamp(option, at: place, host)
        case 148: return option.count < 4 ? 1 : nil
        case 134: return reviewSecurity(option, at: place)
        default: return nil
        }
    }

    private mutating func reviewSourceRoute(_ option: Bytes) -> Int? {
        guard option.count >= 3 else { return 1 }
        guard option[2] >= 4 else { return 2 }
        guard !hasSourceRoute else { return 0 }
        hasSourceRoute = true
        return nil
    }

    private mutating func reviewRoute(_ option: Bytes, at place: Int, _ host: Host) -> Int? {
        guard route == 0 else { return 0 }
        guard option.count >= 3 else { return 1 }
        let pointer = Int(option[2])
        guard pointer >= 4 else { return 2 }
        if pointer <= option.count {
            guard pointer + 3 <= option.count else { return 2 }
            option.setBig32(host.address.v4, at: pointer - 1)
            option[2] &+= 4
            recordsRoute = true
            areChanged = true
        }
        route = place
        return nil
    }

    private mutating func reviewTimestamp(_ option: Bytes, at place: Int, _ host: Host) -> Int? {
        guard timestamp == 0 else { return 0 }
        guard option.count >= 4 else { return 1 }
        let pointer = Int(option[2])
        guard pointer >= 5 else { return 2 }
        if pointer > option.count {
            guard option[3] >> 4 < 15 else { return 3 }
            option[3] &+= 0x10
            areChanged = true
        } else {
            guard pointer + 3 <= option.count else { return 2 }
            let flag = option[3] & 15
            guard flag != 1 && flag != 3 || pointer + 7 <= option.count else { return 2 }
            stamp(option, pointer, flag, host)
        }
        timestamp = place
        return nil
    }

    private mutating func stamp(_ option: Bytes, _ pointer: Int, _ flag: UInt8, _ host: Host) {
        var place = pointer - 1
        switch flag {
        case 0: break
        case 1:
            option.setBig32(host.address.v4, at: place)
            place += 4
        case 3:
            guard host.isMine(option.ipv4(at: place)) else { return }
            place += 4
        default: return
        }
        option.setBig32(host.milliseconds, at: place)
        option[2] = UInt8(truncatingIfNeeded: place + 5)
        recordsTime = true
        areChanged = true
    }

    /// Commercial security (draft-ietf-cipso-ipsecurity): well formed or not is all that matters here.
    private mutating func reviewSecurity(_ option: Bytes, at place: Int) -> Int? {
        guard security == 0 else { return 0 }
        security = place
        guard option.count >= 8 else { return 1 }
        guard option.big32(at: 2) != 0 else { return 2 }
        var tag = 6
        while tag < option.count {
            guard option.count - tag >= 2, option[tag + 1] >= 2, tag + Int(option[tag + 1]) <= option.count else { return tag + 1 }
            tag += Int(option[tag + 1])
        }
        return nil
    }

    /// The options of an answer (RFC 1122 section 3.2.2.6): records go on, with `source` and the time; `nil` when they
    /// contradict themselves.
    func echoed(from source: IPAddress, milliseconds: UInt32) -> [UInt8]? {
        var answer: [UInt8] = []
        if route > 0 {
            var option = copy(route)
            let pointer = Int(option[2])
            if recordsRoute, pointer <= option.count {
                guard pointer + 3 <= option.count else { return nil }
                Self.write(source.v4, to: &option, at: pointer - 1)
                option[2] &+= 4
            }
            answer += option
        }
        if timestamp > 0 {
            guard let option = echoedTimestamp(source, milliseconds) else { return nil }
            answer += option
        }
        if security > 0 { answer += copy(security) }
        while answer.count & 3 != 0 { answer.append(0) }
        return answer
    }

    private func echoedTimestamp(_ source: IPAddress, _ milliseconds: UInt32) -> [UInt8]? {
        var option = copy(timestamp)
        var place = Int(option[2]) - 1
        guard recordsTime, place < option.count else { return option }
        switch option[3] & 15 {
        case 1:
            guard place + 8 <= option.count else { return place + 4 <= option.count ? nil : option }
            Self.write(source.v4, to: &option, at: place)
            place += 4
        case 3: return option
        default: break
        }
        guard place + 4 <= option.count else { return nil }
        Self.write(milliseconds, to: &option, at: place)
        option[2] = UInt8(truncatingIfNeeded: place + 5)
        return option
    }

    private func copy(_ place: Int) -> [UInt8] {
        let start = place - 20
        return (start..<min(start + Int(bytes[start + 1]), length)).map { bytes[$0] }
    }

    private static func write(_ value: UInt32, to option: inout [UInt8], at place: Int) {
        for i in 0..<4 { option[place + i] = UInt8(truncatingIfNeeded: value >> (24 - UInt32(i) * 8)) }
    }

    /// Enters another address of the host where this one was recorded: the source that a translated packet leaves with.
    func correctRoute(_ header: IPv4Header, to address: IPAddress) {
        guard route > 0, recordsRoute, header.length > route + 2 else { return }
        let option = header.bytes.prefix(header.length).dropFirst(route)
        let place = Int(option[2]) - 5
        guard place >= 3, option.holds(4, at: place) else { return }
        option.setBig32(address.v4, at: place)
        header.fillChecksum()
    }
}
