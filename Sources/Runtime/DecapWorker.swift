internal import CLinux
public import Decap
internal import Host
internal import LVS
internal import Links
internal import Linux
internal import Wire

/// Takes tunnels off live: frames from a ring, inner packets to the host stack through a TUN device.
///
/// The host stack does not see the outer packets: it has no such tunnel and would answer them with ICMP errors, which the
/// director would hand on to clients.
public final class DecapWorker {
    private let decapsulator: Decapsulator
    private let interface: String
    private let link: RingLink
    private let device: TUNDevice
    private let host: HostNetwork
    private let suppressor: StackSuppressor
    private let signals: Signals
    private let poller: Poller
    private let log: Log
    private var network = Network()
    private var addresses: Set<IPAddress>?
    private var fragments = OuterFragments()
    private var batch = Batch(capacity: 64)
    private var counters = DecapCounters()
    private var complaint = ""
    private var isStopped = false

    /// Opens everything. Needs CAP_NET_ADMIN and CAP_NET_RAW.
    public init(_ decapsulator: Decapsulator, on interface: String, log: Log) throws {
        self.log = log
        self.decapsulator = decapsulator
        self.interface = interface
        signals = try Signals([.terminate, .interrupt])
        poller = try Poller()
        device = try TUNDevice(name: "svs-decap%d", mtu: 65535, offload: true)
        // The clients' addresses are not to be reached through the device, which is what the strict filter asks for.
        if ReversePathFilter.inForce(on: device.name) == .strict {
            throw RunError(
                """
                reverse path filter: net.ipv4.conf.all.rp_filter is 1 (strict), so the host stack would drop every unwrapped packet; \
                set it to 0, or to 2 (loose)
                """)
        }
        host = try HostNetwork()
        suppressor = try StackSuppressor()
        link = try RingLink(on: interface, filter: PacketFilter(accepting: []), group: nil)
        try follow()
        try poller.watch(signals.descriptor, as: Token.signals)
        try poller.watch(host.descriptor, as: Token.network)
        try poller.watch(link.descriptor, as: Token.link)
        log.say("unwrapping \(decapsulator.kind.rawValue) on \(interface) into \(device.name)")
    }

    /// Asks for, and mutes, tunnel packets to the interface's own addresses, whichever these are now.
    private func follow() throws {
        _ = try host.update(&network)
        let index = network.interface(named: interface)?.index
        let own = Set(network.addresses.filter { $0.interface == index }.map(\.address))
        guard own != addresses else { return }
        var captureMatches: [CaptureMatch] = []
        var suppressed = SuppressedTraffic(interfaces: [interface])
        for address in own {
            switch decapsulator.kind {
            case .gue:
                captureMatches.append(
                    CaptureMatch(.destination, address, proto: IPProtocol.udp, ports: decapsulator.port...decapsulator.port))
                suppressed.services.append(SuppressedTraffic.Endpoint(proto: IPProtocol.udp, address: address, port: decapsulator.port))
            case .ipip, .gre:
                for proto in decapsulator.kind == .gre ? [IPProtocol.gre] : [IPProtocol.ipip, IPProtocol.ipv6] {
                    captureMatches.append(CaptureMatch(.destination, address, proto: proto))
                    suppressed.marked.append(SuppressedTraffic.Destination(prefix: address, length: address.family.width, proto: proto))
                }
            }
        }
        try suppressor.apply(suppressed)
        try link.attach(PacketFilter(accepting: captureMatches))
        addresses = own
    }

    /// Runs until a signal ends it.
    public func run() throws {
        var turns = 0
        while !isStopped {
            turns += 1
            batch.removeAll()
            do throws(LinkError) { try link.receive(into: &batch) } catch { complain(error.description) }
            for i in 0..<batch.count { try take(batch[i]) }
            if batch.isEmpty || turns & 15 == 0 { try attend(waiting: batch.isEmpty && link.wantsPoll) }
        }
        log.say("ended: \(counters.line)")
    }

    /// Waits for frames, signals and changes of the host's addresses.
    private func attend(waiting: Bool) throws {
        for place in try poller.wait(milliseconds: waiting ? 1000 : 0) {
            switch poller[place] {
            case Token.signals: if signals.next() != nil { isStopped = true }
            case Token.network: do { try follow() } catch { complain("\(error)") }
            default: break
            }
        }
        fragments.giveUp(at: svs_clock())
        counters.lostFragments = fragments.lost
    }

    private enum Token { static let signals: UInt64 = 0, network: UInt64 = 1, link: UInt64 = 2 }

    private func complain(_ text: String) {
        guard complaint != text else { return }
        complaint = text
        log.say(text)
    }

    private func take(_ frame: Frame) throws {
        guard let ethernet = EthernetHeader(frame.bytes), ethernet.type == EtherType.ipv4 || ethernet.type == EtherType.ipv6 else { return }
        let packet = frame.bytes.dropFirst(ethernet.length)
        guard frame.offload.kind == Offload.udpSegments else { return try unwrap(packet, at: ethernet.length, frame.offload) }
        // Datagrams that the receiving side joined are taken apart again: each holds a packet of its own.
        for datagram in Datagrams(packet, size: Int(frame.offload.segmentSize)) {
            var whole = datagram
            try whole.withBytes { try unwrap($0, at: 0, Offload(flags: Offload.needsChecksum)) }
        }
    }

    /// `start` is where the packet begins in the frame that the offload header is about.
    private func unwrap(_ packet: Bytes, at start: Int, _ offload: Offload) throws {
        // A checksum still to be filled in lies in the outer header or in what that covers.
        switch decapsulator.unwrap(packet, trustsChecksums: !offload.isPlain) {
        case .other: return
        case .fragment:
            guard var whole = fragments.add(packet, at: svs_clock()) else { return }
            try whole.withBytes { bytes in
                if case .inner(let inner) = decapsulator.unwrap(bytes) { try deliver(bytes, inner, Offload()) }
            }
        case .refused(let refusal): counters.refused[refusal, default: 0] += 1
        case .inner(let inner): try deliver(packet, inner, innerOffload(offload, removing: start + inner.offset))
        }
    }

    /// What is left to do on the inner packet: a checksum that begins in front of it was the outer one's.
    private func innerOffload(_ offload: Offload, removing count: Int) -> Offload {
        guard offload.hasPartialChecksum, Int(offload.checksumStart) > count else { return Offload() }
        var inner = offload
        inner.checksumStart -= UInt16(truncatingIfNeeded: count)
        inner.headerLength = 0
        return inner
    }

    /// Hands an inner packet to the host stack, its offload header in the place of the outer header's last bytes.
    private func deliver(_ packet: Bytes, _ inner: Decapsulator.Inner, _ offload: Offload) throws {
        guard inner.offset >= Offload.length else { return }
        let bytes = packet.dropFirst(inner.offset - Offload.length).prefix(Offload.length + inner.length)
        var header = offload
        if header.isSuperframe { header.headerLength = Self.headerLength(bytes.dropFirst(Offload.length), header) }
        header.write(to: bytes)
        if try device.write(bytes) { counters.unwrapped += 1 } else { counters.untaken += 1 }
    }

    /// IP and TCP header of a superframe together, which the kernel wants to know.
    private static func headerLength(_ packet: Bytes, _ offload: Offload) -> UInt16 {
        let start = Int(offload.checksumStart)
        let tcp = TCPHeader(packet.dropFirst(start))?.length ?? 8
        return UInt16(truncatingIfNeeded: start + tcp)
    }
}

/// The datagrams that a UDP superframe stands for, each behind an IP header of its own.
struct Datagrams: Sequence, IteratorProtocol {
    private let packet: Bytes
    private let headers: Int
    private let size: Int
    private var position = 0

    init(_ packet: Bytes, size: Int) {
        self.packet = packet
        let transport = packet.count > 0 && packet[0] >> 4 == 4 ? IPv4Header(packet)?.length : IPv6Extensions(packet)?.offset
        headers = (transport ?? packet.count) + 8
        self.size = size
        position = headers
    }

    mutating func next() -> [UInt8]? {
        guard size > 0, position < packet.count else { return nil }
        let piece = packet.dropFirst(position).prefix(size)
        position += piece.count
        var whole = packet.prefix(headers).array + piece.array
        whole.withBytes { bytes in
            if let header = IPv4Header(bytes) {
                header.totalLength = bytes.count
                header.fillChecksum()
            } else if let header = IPv6Header(bytes) {
                header.payloadLength = bytes.count - 40
            }
            bytes.setBig16(UInt16(truncatingIfNeeded: bytes.count - headers + 8), at: headers - 8 + 4)
        }
        return whole
    }
}
