public import LVS
public import Wire

/// Tells the neighbourhood where addresses live now: gratuitous ARP (RFC 5227 section 3, as request and as reply, because
/// hosts differ in what they believe) and unsolicited neighbour advertisements with the override flag (RFC 4861
/// section 7.2.6). Announcements are lost easily, so each is repeated.
///
/// It writes frames and opens nothing: whoever holds a link to the interface sends them. Time comes from outside.
public final class Announcer {
    /// Addresses of one `advance`, so that thousands don't hold up whoever calls it.
    static var burst: Int { 64 }
    /// Frames that a batch for `advance` must have room for.
    public static var frames: Int { 2 * burst }
    /// Bytes of the longest one: an advertisement behind Ethernet and IPv6.
    private static var longest: Int { 14 + 40 + NeighborMessage.length }

    private struct Announcement {
        let address: IPAddress
        let interface: Int32
        let mac: MACAddress
        let isRouter: Bool
        var due: Instant
        var remaining: Int
    }

    private let repeats: Int
    private let interval: Instant
    /// In order of `due`: all have the same interval.
    private var waiting: [Announcement] = []
    private let memory = Slab<UInt8>(capacity: frames * longest)

    /// Each address is announced `repeats` times, `interval` nanoseconds apart.
    public init(repeats: Int = 5, interval: Instant = second) {
        self.repeats = max(repeats, 1)
        self.interval = max(interval, 1)
    }

    /// Begins to announce addresses as living at `mac` on an interface; the first time is due at once. `isRouter` is the
    /// router flag of the advertisements: whether the host forwards IPv6.
    public func announce(
        _ addresses: some Sequence<IPAddress>, on interface: Int32, mac: MACAddress, isRouter: Bool = false,
        at now: Instant
    ) {
        let announced = Set(addresses)
        waiting.removeAll { $0.interface == interface && announced.contains($0.address) }
        waiting += announced.sorted().map {
            Announcement(address: $0, interface: interface, mac: mac, isRouter: isRouter, due: now, remaining: repeats)
        }
        waiting.sort { $0.due < $1.due }
    }

    /// Announces no more what was begun for these addresses.
    public func withdraw(_ addresses: some Sequence<IPAddress>, on interface: Int32) {
        let withdrawn = Set(addresses)
        waiting.removeAll { $0.interface == interface && withdrawn.contains($0.address) }
    }

    /// When the next announcement is due; `nil` when nothing is left.
    public var due: Instant? { waiting.first?.due }

    /// Appends the frames that are due, each with the interface that it leaves by. Their bytes live until the next call.
    public func advance(to now: Instant, into batch: inout Batch) {
        let due = waiting.prefix(Self.burst).prefix { $0.due <= now }
        guard !due.isEmpty else { return }
        waiting.removeFirst(due.count)
        for var announcement in due {
            if announcement.address.isV4 {
                append(announcement, 42, to: &batch) { Self.writeARP(announcement, operation: .request, to: $0) }
                append(announcement, 42, to: &batch) { Self.writeARP(announcement, operation: .reply, to: $0) }
            } else {
                append(announcement, Self.longest, to: &batch) { Self.writeAdvertisement(announcement, to: $0) }
            }
            announcement.remaining -= 1
            announcement.due = now &+ interval
            if announcement.remaining > 0 { waiting.append(announcement) }
        }
    }

    private func append(_ announcement: Announcement, _ length: Int, to batch: inout Batch, _ write: (Bytes) -> Void) {
        let place = batch.count
        guard place < Self.frames else { return }
        var frame = Frame(
            buffer: UnsafeMutableRawPointer(memory.mutableAddress(checked: place * Self.longest)),
            capacity: Self.longest, headroom: 0, length: length)
        write(frame.bytes)
        frame.egress = announcement.interface
        batch.append(frame)
    }

    /// Sender and target are the address itself. A request has no target MAC, a reply the one that caches shall hold.
    private static func writeARP(_ announcement: Announcement, operation: ARPOperation, to bytes: Bytes) {
        writeEthernet(from: announcement.mac, to: .broadcast, type: EtherType.arp, to: bytes)
        ARPPacket.write(
            to: bytes.dropFirst(14), operation: operation, senderMAC: announcement.mac, sender: announcement.address,
            targetMAC: operation == .reply ? announcement.mac : .zero, target: announcement.address)
    }

    private static func writeAdvertisement(_ announcement: Announcement, to bytes: Bytes) {
        let address = announcement.address, allNodes = IPAddress(high: 0xff02 << 48, low: 1)
        writeEthernet(from: announcement.mac, to: MACAddress(group: allNodes), type: EtherType.ipv6, to: bytes)
        IPv6Header.write(
            to: bytes.dropFirst(14), payloadLength: NeighborMessage.length, nextHeader: IPProtocol.icmpv6,
            from: address, to: allNodes, hopLimit: 255)
        NeighborMessage.writeAdvertisement(
            to: bytes.dropFirst(54), from: address, to: allNodes, target: address,
            targetMAC: announcement.mac, isRouter: announcement.isRouter)
    }

    private static func writeEthernet(from source: MACAddress, to destination: MACAddress, type: UInt16, to bytes: Bytes) {
        bytes.setMAC(destination, at: 0)
        bytes.setMAC(source, at: 6)
        bytes.setBig16(type, at: 12)
    }
}
