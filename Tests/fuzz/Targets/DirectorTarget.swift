import Admin
import LVS
import Links
import PacketKit
import Wire

/// A director with services, servers, switches, marks and a network of all kinds, fed with frames, commands and time.
final class DirectorTarget: FuzzTarget {
    static var name: String { "director" }
    private let store = FrameStore(capacity: 32)
    private var batch = Batch(capacity: 32)
    /// Frames that left last, to be answered.
    private var left: [[UInt8]] = []
    private var now: Instant = 0

    func run(_ input: [UInt8]) { run(input, more: 0) }

    /// - Parameter more: bytes of chance that follow the input.
    func run(_ input: [UInt8], more: Int) {
        var dice = Dice(input, more: more)
        left = []
        now = second
        var director = Director(
            connections: dice.pick([16, 64, 1024]), seed: UInt64(dice.byte()),
            hostEmulation: dice.flag() ? .everything : HostEmulation(isWholeHost: false, ownership: dice.flag() ? .all : .none), at: now)
        director.network = Self.network
        if dice.below(4) == 0 { (director.marks4, director.marks6) = Self.marks }
        for _ in 0...dice.below(8) { try? director.apply(Commands.random(&dice)) }
        var frames = 0
        while !dice.isEmpty {
            batch.removeAll()
            for _ in 0...dice.below(dice.below(4) == 0 ? 32 : 4) { addFrame(&dice) }
            frames += batch.count
            if dice.below(16) == 0, batch.count == 1 { _ = director.explain(&batch, at: now) } else { director.process(&batch, at: now) }
            left.removeAll(keepingCapacity: true)
            check(batch)
            check(director.outbox.batch)
            happen(&director, &dice)
        }
        tried.frames += frames
        // Fragments whose rest never came have a second verdict, and so have frames whose next hop never answered.
        let counted = director.verdicts.all.map { (Int($0.frames), $0.verdict == .fragmentTimeout || $0.verdict == .neighborUnknown) }
        let all = counted.reduce(0) { $0 + $1.0 }, late = counted.filter(\.1).reduce(0) { $0 + $1.0 }
        require(all >= frames && all - late <= frames, "\(frames) frames, \(all) verdicts, \(late) of them late")
        // A long time takes its time.
        if input.count % 16 == 0 { end(&director) }
    }

    /// Everything passes: nothing is left over, and what is listed can be listed.
    private func end(_ director: inout Director) {
        _ = (director.inventory(), director.connectionRecords())
        try? director.apply(.flush)
        // Timeouts may be as long as 136 years; templates go when what hangs on them has gone. Years are leapt over, hours are not.
        for years in [140, 1, 1] {
            now += Instant(years) * 365 * 86_400 * second
            director.advance(to: now, limit: .max)
        }
        let rest = director.connectionRecords().count
        require(rest == 0, "\(rest) connections are left for ever")
    }

    private func addFrame(_ dice: inout Dice) {
        let place = batch.count
        var bytes: [UInt8]
        switch dice.below(16) {
        case 0: bytes = dice.rest(atMost: Int(dice.byte()))
        case 1...3 where !left.isEmpty: bytes = Self.answer(dice.pick(left))
        case 4...9:
            bytes = dice.pick(Frames.all)
            for _ in 0...dice.below(4) { Self.damage(&bytes, &dice) }
        default: bytes = dice.pick(Frames.all)
        }
        if dice.below(32) == 0 { bytes += [UInt8](repeating: 0x5a, count: Int(dice.word()) % 60_000) }
        var offload = Offload()
        if dice.below(8) == 0 {
            offload = Offload(flags: dice.byte() & 3, segmentation: dice.pick([0, 1, 3, 4, 5, 0x81]), segmentSize: dice.word() % 2000)
            offload.checksumStart = UInt16(dice.byte())
            offload.checksumOffset = UInt16(dice.byte() & 31)
            offload.headerLength = UInt16(dice.byte())
        }
        let frame = store.frame(place, length: bytes.count, ingress: dice.below(16) == 0 ? Director.localInterface : 2, offload: offload)
        frame.bytes.copy(bytes)
        batch.append(frame)
    }

    /// A byte changed or the end cut off; the IPv4 header's checksum is made right again, or most would end there.
    private static func damage(_ bytes: inout [UInt8], _ dice: inout Dice) {
        guard !bytes.isEmpty else { return }
        let place = dice.below(min(bytes.count, 128))
        switch dice.below(8) {
        case 0: bytes.removeLast(place)
        case 1: bytes[place] ^= 1 << (dice.byte() & 7)
        default: bytes[place] = dice.byte()
        }
        guard dice.below(8) > 0 else { return }
        bytes.withUnsafeMutableBytes { buffer in
            guard buffer.count > 14, let start = buffer.baseAddress else { return }
            IPv4Header(Bytes(start + 14, count: buffer.count - 14))?.fillChecksum()
        }
    }

    /// The ends of a frame changed over, which keeps its sums.
    private static func answer(_ frame: [UInt8]) -> [UInt8] {
        var bytes = frame
        let (start, length, ports) = bytes[12] == 0x86 ? (22, 16, 54) : (26, 4, 34)
        guard bytes.count >= ports + 4 else { return bytes }
        for i in 0..<length { bytes.swapAt(start + i, start + length + i) }
        for i in 0..<2 { bytes.swapAt(ports + i, ports + 2 + i) }
        bytes.replaceSubrange(0..<6, with: [2, 0, 0, 0, 0, 1])
        return bytes
    }

    /// Frames that leave are whole.
    private func check(_ batch: borrowing Batch) {
        for i in 0..<batch.count where batch[i].egress != 0 {
            let frame = batch[i]
            require(frame.count >= 14, "a frame of \(frame.count) bytes leaves")
            let bytes = frame.bytes
            if left.count < 8 { left.append(bytes.array) }
            guard bytes.big16(at: 12) == EtherType.ipv4, !frame.offload.isSuperframe else { continue }
            guard let header = IPv4Header(bytes.dropFirst(14)) else { preconditionFailure("no IPv4 packet leaves as one") }
            require(header.totalLength <= frame.count - 14, "\(header.totalLength) bytes in a frame of \(frame.count)")
        }
    }

    private func happen(_ director: inout Director, _ dice: inout Dice) {
        switch dice.below(24) {
        case 0...3:
            now += Instant(1) << Instant(dice.below(64) == 0 ? dice.below(46) : dice.below(34))
            director.advance(to: now, limit: dice.flag() ? .max : 4096)
        case 4, 5: try? director.apply(Commands.random(&dice))
        case 6: try? director.tunables.set(dice.pick(Tunables.names), to: "\(dice.below(300) - 2)")
        case 7:
            let mac = dice.flag() ? MACAddress(bits: 0x0200_0000_0011) : nil
            director.network.setNeighbor(dice.pick(Self.neighbors), on: 2, to: mac)
        case 8: director.network.interfaces[1].isUp.toggle()
        case 9: director.network.interfaces[1].mtu = Int(dice.word())
        case 10:
            let isLost = dice.flag() && !director.network.addresses.isEmpty
            if isLost { director.network.addresses.removeFirst() } else { director.network.addresses = Self.network.addresses }
        case 11: director.network.failNeighbor(dice.pick(Self.neighbors), on: 2)
        case 12:
            director.giveUpFailedNeighbors()
            _ = director.releaseWaiting(at: now)
            check(director.outbox.batch)
        case 13: director.network.routes = dice.flag() ? [] : Self.network.routes
        case 15: director.network = Self.network
        case 14: (director.marks4, director.marks6) = dice.flag() ? Self.marks : (MarkRules(family: .v4), MarkRules(family: .v6))
        default: break
        }
    }

    private static let neighbors = ["10.2.0.254", "10.2.0.11", "10.2.0.12", "fd00:2::fe", "fd00:2::11"].compactMap { IPAddress($0) }

    private static let network: Network = {
        let text = """
            link set eth0 address 02:00:00:00:00:01 mtu 1500 up
            addr add 10.2.0.1/24 dev eth0
            addr add fd00:2::1/64 dev eth0
            addr add 203.0.113.10/32 dev lo
            addr add 2001:db8:f::10/128 dev lo
            route add default via 10.2.0.254
            route add default via fd00:2::fe
            neigh add 10.2.0.254 lladdr 02:00:00:00:00:fe dev eth0
            neigh add 10.2.0.11 lladdr 02:00:00:00:00:11 dev eth0
            neigh add 10.2.0.12 lladdr 02:00:00:00:00:12 dev eth0
            neigh add fd00:2::fe lladdr 02:00:00:00:00:fe dev eth0
            neigh add fd00:2::11 lladdr 02:00:00:00:00:11 dev eth0
            """
        do { return try NetworkFile(text, file: "network").network } catch { preconditionFailure("\(error)") }
    }()

    private static let marks: (MarkRules, MarkRules) = {
        func rules(_ address: String, _ family: IPFamily) -> MarkRules {
            let text = """
                *mangle
                :PREROUTING ACCEPT [0:0]
                -A PREROUTING -d \(address) -p tcp -m tcp --dport 80:90 -j MARK --set-mark 1
                -A PREROUTING -d \(address) -p udp -m udp --dport 80 -j MARK --set-mark 2
                COMMIT
                """
            do { return try MarksFile(text, file: "marks", family: family).rules } catch { preconditionFailure("\(error)") }
        }
        return (rules("203.0.113.10/32", .v4), rules("2001:db8:f::10/128", .v6))
    }()
}

/// The same director for long: each input is followed by some thousand frames of chance, since making a director costs as much as
/// hundreds of them.
final class StormTarget: FuzzTarget {
    static var name: String { "storm" }
    private let target = DirectorTarget()

    func run(_ input: [UInt8]) { target.run(input, more: 1 << 16) }
}
