import Glibc
import Links
import Testing
import Wire

/// The kernel's own TCP through a hop that only carries frames from one link to the other:
///
///     client 10.0.0.1 (02::01) ═══ left (02::02) ┆hop┆ right (02::01) ═══ server 10.0.0.2 (02::02)
///
/// Each side of the hop has the address of the host behind it, so that frames are for it. Over veth the hosts send
/// superframes and partial checksums: a link that loses either stalls the connection.
@Suite(.serialized, .enabled(if: Namespace.isPossible, "needs root and ip(8)"))
struct LiveTCP {
    let client: Namespace, hop: Namespace, server: Namespace

    init() throws {
        client = try Namespace()
        hop = try Namespace()
        server = try Namespace()
        try hop.ip(
            "link add left address 02:00:00:00:00:02 type veth peer name eth0 address 02:00:00:00:00:01 netns "
                + client.path)
        try hop.ip(
            "link add right address 02:00:00:00:00:01 type veth peer name eth0 address 02:00:00:00:00:02 netns "
                + server.path)
        for name in ["left", "right"] { try hop.ip("link set \(name) up") }
        for (host, address) in [(client, "10.0.0.1/24"), (server, "10.0.0.2/24")] {
            try host.ip("address add \(address) dev eth0")
            try host.ip("link set eth0 up")
        }
        try hop.awaitCarrier(["left", "right"])
    }

    @Test(arguments: LiveLinks.Kind.allCases)
    func bulkTransferThroughTwoLinks(_ kind: LiveLinks.Kind) throws {
        let left = try kind.open("left", in: hop), right = try kind.open("right", in: hop)
        let listener = server.inside { tcpSocket() }
        var local = endpoint("10.0.0.2", 80)
        #expect(withAddress(&local) { bind(listener, $0, $1) } == 0 && listen(listener, 1) == 0)
        let sender = client.inside { tcpSocket() }
        defer { for descriptor in [listener, sender] { close(descriptor) } }
        #expect(withAddress(&local) { connect(sender, $0, $1) } == -1 && errno == EINPROGRESS)

        let message = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        var sent = 0, received: [UInt8] = [], receiver: Int32 = -1, superframes = 0, partials = 0
        var batch = Batch(capacity: 64)
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        var idle = 0
        while received.count < message.count, idle < 40 {
            for (from, to) in [(left, right), (right, left)] {
                batch.removeAll()
                try from.receive(into: &batch)
                for index in 0..<batch.count {
                    batch[index].egress = to.interface
                    if batch[index].offload.isSuperframe { superframes += 1 }
                    if batch[index].offload.hasPartialChecksum { partials += 1 }
                }
                try to.transmit(batch)
            }
            if sent < message.count {
                sent += max(
                    0,
                    message[sent...].withUnsafeBytes {
                        Glibc.send(sender, $0.baseAddress, min($0.count, 1 << 18), Int32(MSG_NOSIGNAL))
                    })
            }
            if receiver < 0 { receiver = accept(listener, nil, nil) }
            let got = receiver < 0 ? 0 : recv(receiver, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if got > 0 { received += buffer.prefix(got) }
            guard left.wantsPoll, right.wantsPoll, got <= 0 else { continue }
            var watch = [left.descriptor, right.descriptor].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            idle = poll(&watch, 2, 50) == 0 ? idle + 1 : 0
        }
        if receiver >= 0 { close(receiver) }
        #expect(received == message, "\(received.count) of \(message.count) bytes arrived")
        #expect(superframes > 10 && partials > 10)
        for link in [left, right] {
            #expect(link.counters.truncated == 0 && link.counters.refused == 0 && link.counters.missed == 0)
        }
    }

    private func tcpSocket() -> Int32 { socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0) }

    private func endpoint(_ text: String, _ port: UInt16) -> sockaddr_in {
        sockaddr_in(
            sin_family: sa_family_t(AF_INET), sin_port: port.bigEndian,
            sin_addr: in_addr(s_addr: address(text).v4.bigEndian), sin_zero: (0, 0, 0, 0, 0, 0, 0, 0))
    }

    private func withAddress(_ value: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafePointer(to: &value) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, size) }
        }
    }
}
