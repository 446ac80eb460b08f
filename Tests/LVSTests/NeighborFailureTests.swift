import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

/// What clients hear when nobody answers for their server's MAC.
struct NeighborFailureTests {
    private static let gone = (v4: "10.2.0.77", v6: "fd00:2::77")

    /// A director whose service's server is on the wire no more.
    private static func fixture(_ method: ForwardingMethod, v6: Bool = false, isWholeHost: Bool) throws -> TranslationFixture {
        let fixture = TranslationFixture(hostEmulation: HostEmulation(isWholeHost: isWholeHost))
        if !isWholeHost { fixture.waitForNeighbors(seconds: 20) }
        try fixture.serve(v6 ? "[2001:db8:f::10]:80" : "203.0.113.10:80", v6 ? "[fd00:2::77]:80" : "10.2.0.77:80", method: method) {
            if method == .fullNAT {
                let local = TranslationFixture.ip(v6 ? "fd00:2::200" : "10.2.0.200")
                $0.localAddresses = [local...local]
            }
        }
        return fixture
    }

    private static func syn(v6: Bool, port: UInt16 = 4000) -> [UInt8] {
        Packet.tcp(
            from: Endpoint(TranslationFixture.ip(v6 ? "2001:db8:c::7" : "198.51.100.7"), port),
            to: v6 ? "[2001:db8:f::10]:80" : "203.0.113.10:80")
    }

    /// Type, code, source and quoted destination of an ICMP error, and where the quoted packet came from.
    private static func told(_ frame: [UInt8], v6: Bool) -> String {
        let start = v6 ? 54 : 34
        func text(_ place: Int) -> String {
            let bytes = frame[place..<(place + (v6 ? 16 : 4))]
            return v6
                ? "\(IPAddress(high: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }, low: bytes.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }))"
                : "\(IPAddress(v4: bytes.reduce(0) { $0 << 8 | UInt32($1) }))"
        }
        let (source, destination) = v6 ? (8, 24) : (12, 16)
        return
            "\(frame[start])/\(frame[start + 1]) \(text(14 + source)) > \(text(14 + destination)) [\(text(start + 8 + source)) > \(text(start + 8 + destination))]"
    }

    @Test(
        "The client is told after three seconds, or when the host has failed",
        arguments: [
            (.directRouting, false, "3/1 10.2.0.1 > 198.51.100.7 [198.51.100.7 > 203.0.113.10]"),
            (.masquerading, false, "3/1 203.0.113.10 > 198.51.100.7 [198.51.100.7 > 203.0.113.10]"),
            (.tunneling, false, "3/1 203.0.113.10 > 198.51.100.7 [198.51.100.7 > 203.0.113.10]"),
            (.fullNAT, false, "3/1 203.0.113.10 > 198.51.100.7 [198.51.100.7 > 203.0.113.10]"),
            (.directRouting, true, "1/3 2001:db8:f::10 > 2001:db8:c::7 [2001:db8:c::7 > 2001:db8:f::10]"),
            (.masquerading, true, "1/3 2001:db8:f::10 > 2001:db8:c::7 [2001:db8:c::7 > 2001:db8:f::10]"),
            (.tunneling, true, "1/3 2001:db8:f::10 > 2001:db8:c::7 [2001:db8:c::7 > 2001:db8:f::10]"),
            (.fullNAT, true, "1/3 2001:db8:f::10 > 2001:db8:c::7 [2001:db8:c::7 > 2001:db8:f::10]"),
        ] as [(ForwardingMethod, Bool, String)])
    func told(method: ForwardingMethod, v6: Bool, message: String) throws {
        for isWholeHost in [true, false] {
            let fixture = try Self.fixture(method, v6: v6, isWholeHost: isWholeHost)
            for _ in 0..<2 {
                #expect(fixture.send(Self.syn(v6: v6)) == [])
                #expect(fixture.verdict == .neighborPending)
                #expect(fixture.pass(seconds: 1) == [])
                #expect(fixture.send(Self.syn(v6: v6)) == [])
                #expect(fixture.pass(seconds: 1, milliseconds: 990) == [])
                let out = isWholeHost ? fixture.pass(seconds: 0, milliseconds: 20) : fixture.failNeighbor(v6 ? Self.gone.v6 : Self.gone.v4)
                #expect(out.map { Self.told($0, v6: v6) } == [message, message], "whole host: \(isWholeHost)")
                // The next packet waits anew.
                #expect(fixture.pass(seconds: 10) == [])
            }
            #expect(fixture.frames(.neighborUnknown) == 4)
        }
    }

    @Test("A host that says nothing is not waited for for ever") func silentHost() throws {
        let fixture = try Self.fixture(.directRouting, isWholeHost: false)
        fixture.send(Self.syn(v6: false))
        #expect(fixture.pass(seconds: 19) == [])
        #expect(fixture.pass(seconds: 2).count == 1)
        #expect(fixture.failNeighbor(Self.gone.v4) == [])
    }

    @Test("A client is told six times at once, and then once a second") func limit() throws {
        let fixture = try Self.fixture(.directRouting, isWholeHost: true)
        for port in 5000..<5020 { fixture.send(Self.syn(v6: false, port: UInt16(port))) }
        #expect(fixture.pass(seconds: 4).count == 6)
        fixture.tune { $0.icmpRateLimit = 0 }
        for port in 5000..<5020 { fixture.send(Self.syn(v6: false, port: UInt16(port))) }
        #expect(fixture.pass(seconds: 4).count == 20)
    }

    @Test("Other frames go on waiting; answers of the director's own are given up in silence") func others() throws {
        let fixture = try Self.fixture(.directRouting, isWholeHost: false)
        fixture.send(Self.syn(v6: false))
        #expect(fixture.failNeighbor("10.2.0.78") == [])
        fixture.rewire { $0.setNeighbor(TranslationFixture.ip("10.2.0.254"), on: 2, to: nil) }
        let whole = try Self.fixture(.directRouting, isWholeHost: true)
        whole.rewire { $0.setNeighbor(TranslationFixture.ip("10.2.0.254"), on: 2, to: nil) }
        whole.send(Packet.echo(from: "198.51.100.7", to: "203.0.113.10"))
        whole.send(Packet.tcp(from: "198.51.100.7:1", to: "203.0.113.10:9999"))
        #expect(whole.pass(seconds: 5) == [])
        #expect(whole.frames(.neighborUnknown) == 2)
    }
}
