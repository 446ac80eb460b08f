import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

/// Who has a virtual address: the host, the director that owns it, or nobody.
struct VirtualAddressTests {
    private static let absent: Endpoint = "203.0.113.99:80"

    /// One service whose address the host has, one whose address it does not have.
    private static func bench(_ ownership: Ownership) throws -> TranslationFixture {
        let bench = TranslationFixture(hostEmulation: HostEmulation(isWholeHost: false, ownership: ownership))
        try bench.serve("203.0.113.10:80", "10.2.0.11:80", method: .directRouting)
        try bench.serve(absent, "10.2.0.12:80", method: .directRouting)
        return bench
    }

    private static func syn(to virtual: Endpoint, flags: TCPFlags = .syn) -> [UInt8] {
        Packet.tcp(from: "198.51.100.7:4000", to: virtual, flags: flags)
    }

    /// An ARP request.
    private static func ask(_ bench: TranslationFixture, for target: Endpoint) {
        bench.receive(Packet.arp(request: true, senderMAC: "02:00:00:00:00:fe", sender: "10.2.0.254:0", target: target))
    }

    @Test(
        "Holders",
        arguments: [
            (.none, .nobody, .passWaiting, .passARP),
            (.localAddresses, .nobody, .passWaiting, .passARP),
            (.only([TranslationFixture.ip("203.0.113.77")]), .nobody, .passWaiting, .passARP),
            (.only([TranslationFixture.ip("203.0.113.99")]), .director, .directRouting, .arpReply),
            (.all, .director, .directRouting, .arpReply),
        ] as [(Ownership, VirtualAddress.Holder, Verdict, Verdict)])
    func holders(ownership: Ownership, holder: VirtualAddress.Holder, request: Verdict, question: Verdict) throws {
        let bench = try Self.bench(ownership)
        #expect(
            bench.virtualAddresses() == [
                VirtualAddress(address: TranslationFixture.ip("203.0.113.10"), holder: .host),
                VirtualAddress(address: Self.absent.address, holder: holder),
            ])
        bench.send(Self.syn(to: "203.0.113.10:80"))
        #expect(bench.verdict == .directRouting)
        bench.send(Self.syn(to: Self.absent))
        #expect(bench.verdict == request)
        Self.ask(bench, for: "203.0.113.99")
        #expect(bench.verdict == question)
        // The host answers for what it has.
        Self.ask(bench, for: "203.0.113.10")
        #expect(bench.verdict == .passARP)
    }

    @Test("Known connections follow their address") func knownConnections() throws {
        let bench = try Self.bench(.none)
        let address = Network.Address(address: Self.absent.address, prefixLength: 32, interface: 1)
        for _ in 0..<2 {
            bench.rewire { $0.addresses.append(address) }
            bench.send(Self.syn(to: Self.absent))
            #expect(bench.verdict == .directRouting)
            bench.rewire { $0.addresses.removeAll { $0 == address } }
            bench.send(Self.syn(to: Self.absent, flags: .ack))
            #expect(bench.verdict == .passWaiting)
            bench.rewire {
                $0.routes.append(Network.Route(prefix: TranslationFixture.ip("203.0.113.96"), length: 27, interface: 1, kind: .local))
            }
            bench.send(Self.syn(to: Self.absent, flags: .ack))
            #expect(bench.verdict == .directRouting)
            bench.rewire { $0.routes.removeAll { $0.kind == .local } }
            bench.send(Self.syn(to: Self.absent, flags: .ack))
            #expect(bench.verdict == .passWaiting)
        }
    }

    @Test("A service brings its address, and takes it along") func services() throws {
        let bench = try Self.bench(.all)
        #expect(bench.virtualAddresses().last?.holder == .director)
        bench.send(Packet.echo(from: "198.51.100.7:0", to: "203.0.113.99:0"))
        #expect(bench.verdict == .echoReply)
        try bench.apply(.deleteService(ServiceKey(proto: IPProtocol.tcp, address: Self.absent.address, port: 80)))
        #expect(bench.virtualAddresses().map(\.address) == [TranslationFixture.ip("203.0.113.10")])
        Self.ask(bench, for: "203.0.113.99")
        #expect(bench.verdict == .passARP)
    }

    @Test(
        "Local addresses of FULLNAT are owned like virtual ones",
        arguments: [
            (.none, .passARP), (.localAddresses, .arpReply), (.all, .arpReply),
            (.only([TranslationFixture.ip("10.2.0.200")]), .arpReply), (.only([TranslationFixture.ip("10.2.0.201")]), .passARP),
        ] as [(Ownership, Verdict)])
    func localAddresses(ownership: Ownership, question: Verdict) throws {
        let bench = TranslationFixture(hostEmulation: HostEmulation(isWholeHost: false, ownership: ownership))
        let local = TranslationFixture.ip("10.2.0.200")
        try bench.serve("203.0.113.10:80", "10.2.0.11:80", method: .fullNAT) { $0.localAddresses = [local...local] }
        Self.ask(bench, for: "10.2.0.200")
        #expect(bench.verdict == question)
    }

    @Test(
        "Words",
        arguments: [
            ("all", .all), ("none", Ownership.none), ("192.0.2.1", .only([TranslationFixture.ip("192.0.2.1")])),
            ("2001:db8::1,192.0.2.1", .only([TranslationFixture.ip("192.0.2.1"), TranslationFixture.ip("2001:db8::1")])),
            ("", nil), ("192.0.2.1,", nil), ("some", nil), ("192.0.2.0/24", nil),
        ] as [(String, Ownership?)])
    func words(text: String, ownership: Ownership?) { #expect(Ownership(text) == ownership) }
}
