import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

/// What a server that was taken out still had ends with its next packet.
struct ServerResetTests {
    private static let client: Endpoint = "198.51.100.7:4000", virtual: Endpoint = "203.0.113.10:80"
    private static let first: Endpoint = "10.2.0.11:80", second: Endpoint = "10.2.0.12:80"

    private static func key(_ endpoint: Endpoint) -> ServerKey { ServerKey(address: endpoint.address, port: endpoint.port) }
    private static func service(_ proto: UInt8) -> ServiceKey { ServiceKey(proto: proto, address: virtual.address, port: virtual.port) }

    /// A director whose only client is with the first server, which has no weight any more.
    private func drained(_ proto: UInt8, _ method: ForwardingMethod, change: (inout ServiceSettings) -> Void = { _ in }) throws
        -> TranslationFixture
    {
        let bench = TranslationFixture()
        try bench.serve(Self.virtual, Self.first, proto: proto, method: method, settings: change)
        bench.send(
            proto == IPProtocol.tcp
                ? Packet.tcp(from: Self.client, to: Self.virtual, seq: 100)
                : Packet.udp(from: Self.client, to: Self.virtual, payload: [1]))
        let service = Self.service(proto)
        try bench.apply(.editServer(service, Self.key(Self.first), ServerSettings(method: method, weight: 0)))
        try bench.apply(.addServer(service, Self.key(Self.second), ServerSettings(method: method)))
        return bench
    }

    @Test(arguments: [ForwardingMethod.directRouting, .masquerading])
    func bothSidesAreTold(_ method: ForwardingMethod) throws {
        let bench = try drained(IPProtocol.tcp, method)
        func segment() -> [[UInt8]] {
            bench.send(
                Packet.tcp(
                    from: Self.client, to: Self.virtual, flags: [.psh, .ack], seq: 101, ack: 501,
                    options: hex("01 01 08 0a 00 00 00 01 00 00 00 02"), payload: hex("01 02 03")))
        }
        #expect(segment().count == 1 && bench.verdict != .reset)
        try bench.resetConnections(of: Self.key(Self.first), of: Self.service(IPProtocol.tcp))
        let told = segment()
        #expect(bench.verdict == .reset)
        try #require(told.count == 2)
        let server = method == .directRouting ? Self.virtual : Self.first
        expect(
            told[0], .ethernet(.destination("02:00:00:00:00:11")), .ipv4(.source(Self.client), .destination(server)),
            .tcp(.seq(101), .ack(501), .flags([.rst, .ack]), .options([])), .payload([]))
        expect(
            told[1], .ethernet(.destination("02:00:00:00:00:fe")), .ipv4(.source(Self.virtual), .destination(Self.client)),
            .tcp(.seq(501), .flags(.rst)), .payload([]))
        #expect(bench.connections.isEmpty)
        // It begins anew elsewhere.
        let again = try #require(bench.send(Packet.tcp(from: Self.client, to: Self.virtual, seq: 900)).first)
        expect(again, .ethernet(.destination("02:00:00:00:00:12")))
    }

    @Test func theClientsOwnResetAndASYNGoTheirWay() throws {
        let bench = try drained(IPProtocol.tcp, .directRouting)
        try bench.resetConnections(of: Self.key(Self.first), of: Self.service(IPProtocol.tcp))
        let reset = bench.send(Packet.tcp(from: Self.client, to: Self.virtual, flags: .rst, seq: 101))
        #expect(bench.verdict == .directRouting && reset.first?[5] == 0x11)
        let other = try drained(IPProtocol.tcp, .directRouting)
        try other.resetConnections(of: Self.key(Self.first), of: Self.service(IPProtocol.tcp))
        #expect(other.send(Packet.tcp(from: Self.client, to: Self.virtual, seq: 100)).first?[5] == 0x12)
    }

    @Test func datagramsAndPersistentClientsGoElsewhere() throws {
        let datagrams = try drained(IPProtocol.udp, .directRouting)
        try datagrams.resetConnections(of: Self.key(Self.first), of: Self.service(IPProtocol.udp))
        #expect(datagrams.send(Packet.udp(from: Self.client, to: Self.virtual, payload: [1])).first?[5] == 0x12)
        let persistent = try drained(IPProtocol.tcp, .directRouting) {
            $0.flags.insert(.persistent)
            $0.timeout = 300
        }
        let next = Endpoint(Self.client.address, 4001)
        #expect(persistent.send(Packet.tcp(from: next, to: Self.virtual)).first?[5] == 0x11)
        try persistent.resetConnections(of: Self.key(Self.first), of: Self.service(IPProtocol.tcp))
        #expect(persistent.send(Packet.tcp(from: Endpoint(Self.client.address, 4002), to: Self.virtual)).first?[5] == 0x12)
    }

    /// One that has weight resets nothing, and weight ends it.
    @Test func itHoldsAsLongAsThereIsNoWeight() throws {
        let bench = try drained(IPProtocol.tcp, .directRouting), service = Self.service(IPProtocol.tcp)
        #expect(throws: CommandError.invalid) { try bench.resetConnections(of: Self.key(Self.second), of: service) }
        #expect(throws: CommandError.noSuchServer) { try bench.resetConnections(of: Self.key("10.2.0.13:80"), of: service) }
        try bench.resetConnections(of: Self.key(Self.first), of: service)
        try bench.apply(.editServer(service, Self.key(Self.first), ServerSettings(weight: 1)))
        let segment = bench.send(Packet.tcp(from: Self.client, to: Self.virtual, flags: .ack, seq: 101, ack: 501))
        #expect(bench.verdict == .directRouting && segment.first?[5] == 0x11)
    }
}
