internal import LVS
internal import Wire

extension Anonymiser {
    /// Maps the addresses of a frame and clears its payload; lengths stay, and checksums stay right or wrong as they were.
    /// Of a fragmented datagram only the header's checksum can: the other is spread over several frames.
    public func map(_ frame: inout [UInt8], isPartial: Bool = false) {
        frame.withBytes { bytes in
            guard let ethernet = EthernetHeader(bytes) else { return }
            for place in [0, 6] { mapMAC(bytes, at: place) }
            let rest = bytes.dropFirst(ethernet.length)
            switch ethernet.type {
            case EtherType.ipv4, EtherType.ipv6: ip(rest, isPartial: isPartial)
            case EtherType.arp:
                guard rest.count >= 28 else { return }
                for place in [8, 18] { mapMAC(rest, at: place) }
                for place in [14, 24] { rest.setBig32(address(IPAddress(v4: rest.big32(at: place))).v4, at: place) }
            default: rest.fill(at: 0, count: rest.count)
            }
        }
    }

    private func mapMAC(_ bytes: Bytes, at place: Int) {
        bytes.setMAC(MACAddress(bits: mac(bytes.mac(at: place).bits)), at: place)
    }

    /// - Parameters:
    ///   - isPartial: the transport checksum is that of the pseudo-header only.
    ///   - isQuoted: what is there may be a part of the packet.
    private func ip(_ bytes: Bytes, isPartial: Bool = false, isQuoted: Bool = false) {
        // Packets in packets end somewhere; what is deeper is cleared.
        guard bytes.count >= 20, depth < 8 else { return bytes.fill(at: 0, count: bytes.count) }
        depth += 1
        defer { depth -= 1 }
        if bytes[0] >> 4 == 4 {
            let length = Int(bytes[0] & 15) * 4, total = min(max(Int(bytes.big16(at: 2)), length), bytes.count)
            guard length >= 20, bytes.count >= length else { return }
            let source = IPAddress(v4: bytes.big32(at: 12)), destination = IPAddress(v4: bytes.big32(at: 16))
            options(bytes.prefix(length))
            for (place, old) in [(12, source), (16, destination)] { replace(old, at: place, in: bytes, checksum: 10) }
            bytes.fill(at: total, count: bytes.count - total)
            let fragment = bytes.big16(at: 6)
            transport(
                bytes[9], bytes.prefix(total).dropFirst(length), from: source, to: destination,
                isLater: fragment & 0x1fff != 0, isWhole: fragment & 0x3fff == 0 && !isQuoted && !isPartial, isPartial: isPartial)
        } else if bytes[0] >> 4 == 6, bytes.count >= 40 {
            let total = min(Int(bytes.big16(at: 4)) + 40, bytes.count)
            let source = IPAddress(high: bytes.big64(at: 8), low: bytes.big64(at: 16))
            let destination = IPAddress(high: bytes.big64(at: 24), low: bytes.big64(at: 32))
            for (place, old) in [(8, source), (24, destination)] {
                bytes.setBig64(address(old).high, at: place)
                bytes.setBig64(address(old).low, at: place + 8)
            }
            bytes.fill(at: total, count: bytes.count - total)
            guard let extensions = IPv6Extensions(bytes.prefix(total)), extensions.offset <= total else { return }
            let fragment = extensions.fragmentHeader > 0 ? bytes.big16(at: extensions.fragmentHeader + 2) : 0
            transport(
                extensions.proto, bytes.prefix(total).dropFirst(extensions.offset), from: source, to: destination,
                isLater: fragment & 0xfff8 != 0, isWhole: extensions.fragmentHeader == 0 && !isQuoted && !isPartial, isPartial: isPartial)
        }
    }

    /// Puts an IPv4 address in the place of another and keeps a checksum as right or wrong as it was.
    private func replace(_ old: IPAddress, at place: Int, in bytes: Bytes, checksum: Int) {
        let new = address(old)
        bytes.setBig32(new.v4, at: place)
        bytes.setBig16(Checksum.update(bytes.big16(at: checksum), from: old, to: new), at: checksum)
    }

    /// Addresses in record route and source routes.
    private func options(_ header: Bytes) {
        var place = 20
        while place + 3 < header.count, header[place] != 0 {
            if header[place] == 1 { place += 1; continue }
            let length = Int(header[place + 1])
            guard length >= 2, place + length <= header.count else { return }
            if [7, 131, 137].contains(header[place]) {
                var at = place + 3
                while at + 4 <= place + length {
                    let old = IPAddress(v4: header.big32(at: at))
                    let before = Checksum.of(header) == 0
                    header.setBig32(address(old).v4, at: at)
                    if before { renew(header, at: 10, isRight: true) { Checksum.of(header) } }
                    at += 4
                }
            }
            place += length
        }
    }

    /// Writes a checksum anew: right, or as wrong as it was.
    private func renew(_ bytes: Bytes, at place: Int, isRight: Bool, _ sum: () -> UInt16) {
        bytes.setBig16(0, at: place)
        let right = sum()
        bytes.setBig16(isRight ? right : right ^ 0x5555, at: place)
    }

    private func transport(
        _ proto: UInt8, _ bytes: Bytes, from source: IPAddress, to destination: IPAddress, isLater: Bool,
        isWhole: Bool, isPartial: Bool
    ) {
        let newSource = address(source), newDestination = address(destination)
        func sum() -> UInt16 { Checksum.of(bytes, from: newSource, to: newDestination, proto: proto) }
        let isRight = isWhole && Checksum.of(bytes, from: source, to: destination, proto: proto) == 0
        /// The checksum at a place, after everything else was mapped.
        func settle(_ place: Int) {
            guard bytes.count >= place + 2 else { return }
            if isWhole {
                renew(bytes, at: place, isRight: isRight, sum)
                // 0 says that a datagram has none (RFC 768).
                if proto == IPProtocol.udp, bytes.big16(at: place) == 0 { bytes.setBig16(0xffff, at: place) }
                return
            }
            // In what is not whole only the addresses' part can follow; a partial one is not inverted yet.
            var checksum = isPartial ? ~bytes.big16(at: place) : bytes.big16(at: place)
            for (old, new) in [(source, newSource), (destination, newDestination)] {
                checksum = Checksum.update(checksum, from: old, to: new)
            }
            bytes.setBig16(isPartial ? ~checksum : checksum, at: place)
        }
        func clear(from start: Int) { if bytes.count > start { bytes.fill(at: start, count: bytes.count - start) } }
        guard !isLater else { return clear(from: 0) }
        switch proto {
        case IPProtocol.tcp:
            guard bytes.count >= 20 else { return settle(16) }
            let length = max(Int(bytes[12] >> 4) * 4, 20)
            clearClientOption(bytes.prefix(min(length, bytes.count)))
            clear(from: length)
            settle(16)
        case IPProtocol.udp:
            guard bytes.count >= 8 else { return }
            if guePorts.contains(bytes.big16(at: 2)), let gue = GUEHeader(bytes.dropFirst(8)), gue.length <= bytes.count - 8 {
                ip(gue.payload, isQuoted: !isWhole)
            } else {
                clear(from: 8)
            }
            if bytes.big16(at: 6) != 0 || isPartial { settle(6) }
        case IPProtocol.sctp: sctp(bytes, isWhole: isWhole)
        case IPProtocol.icmp: icmp(bytes, isWhole: isWhole)
        case IPProtocol.icmpv6:
            icmpv6(bytes)
            settle(2)
        case 4, 41: ip(bytes, isQuoted: !isWhole)
        case 47:
            guard let gre = GREHeader(bytes), gre.length <= bytes.count else { return clear(from: 4) }
            let isRight = gre.hasValidChecksum
            ip(gre.payload, isQuoted: !isWhole)
            if gre.hasChecksum, isWhole { renew(bytes, at: 4, isRight: isRight) { Checksum.of(bytes) } }
        default: clear(from: 0)
        }
    }

    /// What FULLNAT directors in front of this one tell in TCP option 254.
    private func clearClientOption(_ header: Bytes) {
        var place = 20
        while place + 1 < header.count, header[place] != 0 {
            if header[place] == 1 { place += 1; continue }
            let length = Int(header[place + 1])
            guard length >= 2, place + length <= header.count else { return }
            if header[place] == 254 { header.fill(at: place + 2, count: length - 2) }
            place += length
        }
    }

    /// Chunks keep their headers; INIT's addresses and all data go.
    private func sctp(_ bytes: Bytes, isWhole: Bool) {
        guard bytes.count >= 12 else { return }
        let isRight = isWhole && SCTPHeader(bytes)?.hasValidChecksum == true
        var place = 12
        while place + 4 <= bytes.count {
            let length = max(Int(bytes.big16(at: place + 2)), 4), end = min(place + length, bytes.count)
            bytes.fill(at: place + 4, count: end - place - 4)
            place += (length + 3) & ~3
        }
        guard isWhole else { return }
        bytes.setBig32(0, at: 8)
        let sum = CRC32c.of(bytes)
        bytes.setBig32((isRight ? sum : sum ^ 0x5555_5555).byteSwapped, at: 8)
    }

    private func icmp(_ bytes: Bytes, isWhole: Bool) {
        guard bytes.count >= 8 else { return }
        let isRight = isWhole && Checksum.of(bytes) == 0
        switch bytes[0] {
        case 3, 4, 5, 11, 12:
            if bytes[0] == 5 { bytes.setBig32(address(IPAddress(v4: bytes.big32(at: 4))).v4, at: 4) }
            ip(bytes.dropFirst(8), isQuoted: true)
        default: bytes.fill(at: 8, count: bytes.count - 8)
        }
        if isWhole { renew(bytes, at: 2, isRight: isRight) { Checksum.of(bytes) } }
    }

    private func icmpv6(_ bytes: Bytes) {
        guard bytes.count >= 8 else { return }
        func map(at place: Int) {
            guard bytes.holds(16, at: place) else { return }
            let new = address(IPAddress(high: bytes.big64(at: place), low: bytes.big64(at: place + 8)))
            bytes.setBig64(new.high, at: place)
            bytes.setBig64(new.low, at: place + 8)
        }
        var options: Int
        switch bytes[0] {
        case 1...4: return ip(bytes.dropFirst(8), isQuoted: true)
        case 133: options = 8
        case 134: options = 16
        case 135, 136: options = 24; map(at: 8)
        case 137: options = 40; map(at: 8); map(at: 24)
        default: return bytes.fill(at: 8, count: bytes.count - 8)
        }
        while options + 8 <= bytes.count {
            let length = Int(bytes[options + 1]) * 8
            guard length > 0 else { return }
            if bytes[options] == 1 || bytes[options] == 2 { mapMAC(bytes, at: options + 2) }
            if bytes[options] == 3 { map(at: options + 16) }
            options += length
        }
    }
}
