import Clibnet
import Glibc
public import LVS
public import Wire

/// Tells the neighbourhood where addresses live now: gratuitous ARP (RFC 5227 section 3, as request and as reply, because
/// hosts differ in what they believe) and unsolicited neighbour advertisements with the override flag (RFC 4861
/// section 7.2.6). Announcements are lost easily, so each is repeated; time comes from outside.
public final class Announcer {
    /// Frames of one `advance`, so that thousands of addresses don't hold up whoever calls it (a frame takes some 40 µs).
    static var burst: Int { 256 }

    private struct Announcement {
        let address: IPAddress
        let interface: String
        let mac: MACAddress
        let isRouter: Bool
        var due: Instant
        var remaining: Int
    }

    private let repeats: Int
    private let interval: Instant
    /// In order of `due`: all have the same interval.
    private var waiting: [Announcement] = []
    private var links: [String: UnsafeMutablePointer<libnet_t>] = [:]

    public private(set) var sent: UInt64 = 0
    public private(set) var failed: UInt64 = 0
    /// What went wrong last.
    public private(set) var lastFailure: HostError?

    /// Each address is announced `repeats` times, `interval` nanoseconds apart. Sending needs CAP_NET_RAW and happens in the
    /// network namespace of the calling thread.
    public init(repeats: Int = 5, interval: Instant = 1_000_000_000) {
        self.repeats = max(repeats, 1)
        self.interval = max(interval, 1)
    }

    deinit { for link in links.values { libnet_destroy(link) } }

    /// Begins to announce addresses as living at `mac` on an interface; the first time is due at once. `isRouter` is the
    /// router flag of the advertisements: whether the host forwards IPv6.
    public func announce(
        _ addresses: some Sequence<IPAddress>, on interface: String, mac: MACAddress, isRouter: Bool = false,
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
    public func withdraw(_ addresses: some Sequence<IPAddress>, on interface: String) {
        let withdrawn = Set(addresses)
        waiting.removeAll { $0.interface == interface && withdrawn.contains($0.address) }
    }

    /// Sends what is due, and tells when to call again; `nil` when nothing is left.
    public func advance(to now: Instant) -> Instant? {
        let due = waiting.prefix(Self.burst).prefix { $0.due <= now }
        guard !due.isEmpty else { return waiting.first?.due }
        waiting.removeFirst(due.count)
        for var announcement in due {
            send(announcement)
            announcement.remaining -= 1
            announcement.due = now &+ interval
            if announcement.remaining > 0 { waiting.append(announcement) }
        }
        return waiting.first?.due
    }

    private func send(_ announcement: Announcement) {
        let interface = announcement.interface
        do {
            let link = try link(interface)
            if announcement.address.isV4 {
                try write(link, announcement) { link in Self.buildARP(link, announcement, operation: UInt16(ARPOP_REQUEST)) }
                try write(link, announcement) { link in Self.buildARP(link, announcement, operation: UInt16(ARPOP_REPLY)) }
            } else {
                try write(link, announcement) { link in Self.buildAdvertisement(link, announcement) }
            }
        } catch {
            failed &+= 1
            lastFailure = error
            // The socket may be bound to a link that is gone.
            if let link = links.removeValue(forKey: interface) { libnet_destroy(link) }
        }
    }

    private func link(_ interface: String) throws(HostError) -> UnsafeMutablePointer<libnet_t> {
        if let link = links[interface] { return link }
        var said = [CChar](repeating: 0, count: Int(LIBNET_ERRBUF_SIZE))
        guard let link = libnet_init(LIBNET_LINK, interface, &said) else {
            throw HostError("announce on \(interface)", cause: Self.text(said))
        }
        links[interface] = link
        return link
    }

    private func write(
        _ link: UnsafeMutablePointer<libnet_t>, _ announcement: Announcement,
        _ build: (UnsafeMutablePointer<libnet_t>) -> Bool
    ) throws(HostError) {
        defer { libnet_clear_packet(link) }
        guard build(link), libnet_write(link) >= 0 else {
            throw HostError(
                "announce \(announcement.address) on \(announcement.interface)",
                cause: libnet_geterror(link).map { String(cString: $0) } ?? "libnet gives no reason")
        }
        sent &+= 1
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Sender and target are the address itself. A request has no target MAC, a reply the one that caches shall hold.
    private static func buildARP(_ link: UnsafeMutablePointer<libnet_t>, _ announcement: Announcement, operation: UInt16) -> Bool {
        var mac = octets(announcement.mac)
        var target = operation == UInt16(ARPOP_REPLY) ? mac : octets(.zero)
        let built = announcement.address.withNetworkBytes { address, _ in
            let bytes = address.assumingMemoryBound(to: UInt8.self)
            return libnet_build_arp(UInt16(ARPHRD_ETHER), EtherType.ipv4, 6, 4, operation, &mac, bytes, &target, bytes, nil, 0, link, 0)
        }
        return built >= 0 && buildEthernet(link, from: announcement.mac, to: .broadcast, type: EtherType.arp)
    }

    private static func buildAdvertisement(_ link: UnsafeMutablePointer<libnet_t>, _ announcement: Announcement) -> Bool {
        var mac = octets(announcement.mac)
        let address = in6(announcement.address)
        let flags: UInt32 = 0x2000_0000 | (announcement.isRouter ? 0x8000_0000 : 0)
        let allNodes = IPAddress(high: 0xff02_0000_0000_0000, low: 1)
        let length = UInt16(LIBNET_ICMPV6_NDP_NADV_H) + 8
        return libnet_build_icmpv6_ndp_opt(2, &mac, 6, link, 0) >= 0
            && libnet_build_icmpv6_ndp_nadv(136, 0, 0, flags, address, nil, 0, link, 0) >= 0
            && libnet_build_ipv6(0, 0, length, IPProtocol.icmpv6, 255, address, in6(allNodes), nil, 0, link, 0) >= 0
            && buildEthernet(link, from: announcement.mac, to: MACAddress(bits: 0x3333_0000_0001), type: EtherType.ipv6)
    }

    private static func buildEthernet(
        _ link: UnsafeMutablePointer<libnet_t>, from source: MACAddress, to destination: MACAddress,
        type: UInt16
    ) -> Bool {
        libnet_build_ethernet(octets(destination), octets(source), type, nil, 0, link, 0) >= 0
    }

    private static func octets(_ mac: MACAddress) -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: 6)
        octets.withBytes { $0.setMAC(mac, at: 0) }
        return octets
    }

    private static func in6(_ address: IPAddress) -> libnet_in6_addr {
        var result = libnet_in6_addr()
        withUnsafeMutableBytes(of: &result) { Bytes($0.baseAddress!, count: 16).setIP(address, at: 0) }
        return result
    }
}
