import LVS
import Wire

/// A carrier whose map is a dictionary: what the kernel's program does to a frame, said once more and slowly.
final class ModelCarrier: FlowCarrier {
    private struct Entry {
        var carried: CarriedFlow
        var round: UInt32
        var progress: CarriedProgress
        /// Frames that go up before the first one is carried, and after one that went up by itself.
        var waits: Int
    }

    /// A frame that was carried, as it leaves.
    struct Sent {
        var bytes: [UInt8]
        var interface: Int32
    }

    var now: Instant = 0
    let serverLimit: Int
    /// Flows that fit.
    private let capacity: Int
    /// Frames that go up after each that did, before the carrier trusts the order again.
    private let caution: Int
    /// The MAC that frames for the director have, and its interface.
    private let own = MACAddress(bits: 0x0200_0000_0001)
    private var entries: [Flow: Entry] = [:]
    private var rounds: [ServerID: UInt32] = [:]
    private var round: UInt32 = 0
    private var counts: [ServerID: CarriedCounters] = [:]
    /// How often the director has waited for frames under way.
    var settled = 0
    private(set) var carriedFrames = 0
    /// Is done when the director waits: frames that were under way count.
    var whileSettling: () -> Void = {}

    init(capacity: Int = .max, caution: Int = 0, serverLimit: Int = 16384) {
        (self.capacity, self.caution, self.serverLimit) = (capacity, caution, serverLimit)
    }

    var count: Int { entries.count }

    private func round(of server: ServerID) -> UInt32 { round &+ rounds[server, default: 0] }

    func carry(_ flow: CarriedFlow) -> Bool {
        guard entries.count < capacity || entries[flow.flow] != nil else { return false }
        entries[flow.flow] = Entry(
            carried: flow, round: round(of: flow.server), progress: CarriedProgress(timeout: flow.timeout), waits: caution)
        return true
    }

    func progress(of flow: Flow) -> CarriedProgress? { entries[flow]?.progress }
    func stop(_ flow: Flow) -> CarriedProgress? { entries.removeValue(forKey: flow)?.progress }
    func stop(to server: ServerID) { rounds[server, default: 0] &+= 1 }
    func stopAll() { round &+= 1 }
    func counters(of server: ServerID) -> CarriedCounters { counts[server] ?? CarriedCounters() }

    func settle() {
        settled += 1
        whileSettling()
    }

    func takeOver(_ each: (Flow, CarriedProgress) -> Void) {
        round &+= 1
        for (flow, entry) in entries { each(flow, entry.progress) }
        entries = [:]
    }

    /// Counts a frame to a server as one that was under way when its flow was stopped.
    func countLate(to server: ServerID, bytes: UInt64) {
        counts[server, default: CarriedCounters()].packets += 1
        counts[server, default: CarriedCounters()].bytes += bytes
    }

    /// Carries a frame, or leaves it to the director.
    func take(_ frame: [UInt8], _ offload: Offload) -> Sent? {
        guard let flow = Self.flow(of: frame), entries[flow]?.round == entries[flow].map({ round(of: $0.carried.server) }) else {
            return nil
        }
        guard var entry = entries[flow] else { return nil }
        defer { entries[flow] = entry }
        guard let length = plainLength(frame, offload, entry.carried.way.mtu) else {
            entry.waits = caution
            return nil
        }
        guard entry.waits == 0 else {
            entry.waits -= 1
            return nil
        }
        entry.progress.packets += 1
        entry.progress.lastSeen = now
        carriedFrames += 1
        countLate(to: entry.carried.server, bytes: UInt64(length))
        return Sent(bytes: Self.rewrite(Array(frame[..<(14 + length)]), entry.carried.way), interface: entry.carried.way.egress)
    }

    /// The flow that a frame belongs to by addresses and ports where they stand in a plain one.
    private static func flow(of frame: [UInt8]) -> Flow? {
        func word(_ at: Int) -> UInt16 { UInt16(frame[at]) << 8 | UInt16(frame[at + 1]) }
        func long(_ at: Int) -> UInt64 { frame[at..<at + 8].reduce(0) { $0 << 8 | UInt64($1) } }
        guard frame.count >= 38 else { return nil }
        if word(12) == 0x0800 {
            let header = Int(frame[14] & 15) * 4, start = 14 + header
            guard header >= 20, frame.count >= start + 4, word(20) & 0x1fff == 0 else { return nil }
            func address(_ at: Int) -> IPAddress { IPAddress(v4: UInt32(word(at)) << 16 | UInt32(word(at + 2))) }
            return Flow(
                source: address(26), sourcePort: word(start), destination: address(30), destinationPort: word(start + 2), proto: frame[23])
        }
        guard word(12) == 0x86dd, frame.count >= 58 else { return nil }
        var proto = frame[20], start = 54
        // One extension header is enough for the tests: frames with it belong to the flow and go up.
        if [0, 60, 44].contains(proto), frame.count >= 66 {
            (proto, start) = (frame[54], proto == 44 ? 62 : 54 + 8 * (Int(frame[55]) + 1))
        }
        guard frame.count >= start + 4 else { return nil }
        return Flow(
            source: IPAddress(high: long(22), low: long(30)), sourcePort: word(start),
            destination: IPAddress(high: long(38), low: long(46)), destinationPort: word(start + 2), proto: proto)
    }

    /// Bytes of the IP packet in a frame that may be carried.
    private func plainLength(_ frame: [UInt8], _ offload: Offload, _ mtu: Int32) -> Int? {
        func word(_ at: Int) -> Int { Int(frame[at]) << 8 | Int(frame[at + 1]) }
        let mac = frame[..<6].reduce(0) { $0 << 8 | UInt64($1) }
        guard mac == own.bits else { return nil }
        let isV4 = word(12) == 0x0800, header = isV4 ? 20 : 40, transport = 14 + header
        let length = isV4 ? word(16) : 40 + word(18)
        guard length >= header, frame.count >= 14 + length else { return nil }
        if isV4 {
            guard frame[14] == 0x45, word(20) & 0x3fff == 0, frame[22] > 1 else { return nil }
            var sum = stride(from: 14, to: 34, by: 2).reduce(0) { $0 + word($1) }
            while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
            guard sum == 0xffff else { return nil }
        } else {
            guard frame[14] >> 4 == 6, frame[21] > 1 else { return nil }
        }
        var headers = header
        switch isV4 ? frame[23] : frame[20] {
        case IPProtocol.tcp:
            guard length >= header + 20, frame[transport + 13] & 0x17 == 0x10 else { return nil }
            let own = Int(frame[transport + 12] >> 4) * 4
            guard own >= 20, length >= header + own else { return nil }
            headers += own
        case IPProtocol.udp:
            guard length >= header + 8 else { return nil }
            headers += 8
        default: return nil
        }
        if offload.isSuperframe {
            guard offload.kind != Offload.udpFragments, headers + Int(offload.segmentSize) <= Int(mtu) else { return nil }
        } else {
            guard length <= Int(mtu) else { return nil }
        }
        return length
    }

    /// One hop less, other MACs.
    private static func rewrite(_ frame: [UInt8], _ way: CarriedWay) -> [UInt8] {
        var out = frame
        for place in 0..<6 {
            out[place] = UInt8(truncatingIfNeeded: way.destination.bits >> UInt64(40 - 8 * place))
            out[6 + place] = UInt8(truncatingIfNeeded: way.source.bits >> UInt64(40 - 8 * place))
        }
        guard frame[12] == 0x08 else {
            out[21] -= 1
            return out
        }
        out[22] -= 1
        let sum = (Int(frame[24]) << 8 | Int(frame[25])) + 0x100, folded = sum >= 0xffff ? sum + 1 : sum
        (out[24], out[25]) = (UInt8(folded >> 8 & 0xff), UInt8(folded & 0xff))
        return out
    }
}
