import Host
import LVS
import Linux
import Testing
import Wire

@testable import Keeper

struct ProtocolTests {
    static let traffic: SuppressedTraffic = {
        var traffic = SuppressedTraffic(
            ownedAddresses: [ip("192.0.2.1"), ip("2001:db8::1")],
            services: [.init(proto: 6, address: ip("192.0.2.1"), port: 80), .init(proto: 17, address: ip("192.0.2.1"), ports: 1...9)],
            replies: [.init(proto: 6, address: ip("10.0.0.1"), port: 0)], fragmentAddresses: [ip("192.0.2.1")],
            fragmentSources: [ip("10.0.0.1")],
            marked: [.init(prefix: ip("192.0.2.0"), length: 24), .init(prefix: ip("2001:db8::"), length: 64, proto: 17, ports: 53...53)],
            icmpErrors: true, interfaces: ["eth0", "eth1"])
        traffic.waitingAddresses = [ip("192.0.2.2")]
        traffic.localAddresses = [ip("10.0.0.9")]
        traffic.unmarked = [.init(MACAddress(bits: 0x0200_0000_0005), to: ip("192.0.2.1"))]
        traffic.clientAddresses = [ip("10.0.0.7"), ip("fd00::7")]
        return traffic
    }()
    static let own: OwnTraffic = {
        var own = OwnTraffic()
        own.answers = [
            .init(answersOf: ip("10.0.0.1"), proto: 6, port: 80), .init(answersOf: ip("fd00::1"), proto: 17, port: 0, to: ip("fd00::2")),
        ]
        own.requests = [.init(requestsTo: ip("192.0.2.1"), proto: 6, ports: 80...90, isForHost: true)]
        own.clients = [ip("192.0.2.1"): .init(from: nil, mtu: 1480), ip("fd00::9"): .init(from: ip("fd00::1"), mtu: 1500)]
        return own
    }()
    static let neighbors = [Network.NeighborKey(address: ip("10.0.0.1"), interface: 3), .init(address: ip("fe80::1"), interface: 2)]
    static let error = HostError("make a TUN device", cause: "Operation not permitted", errno: 1)

    static let requests: [DirectorRequest] = [
        .working, .firstFrame, .alive, .filesRead, .clientLeft(.max), .resolve(neighbors, 7), .refresh([], .max), .interfacesChanged,
        .stopLeading,
        .framesInHand(3, pcap: [0xd4, 0xc3, 0, 1]), .suppress(traffic),
        .link("eth0"), .rebind("eth0"), .sender("eth1"), .device,
        .sync(
            SyncEndpoint(
                role: .backup, interface: "eth0", group: ip("224.0.0.81"), port: 8848, timeToLive: 1, source: ip("0.0.0.0"), buffer: 0)),
        .lead(own, mtu: 1500), .rulesChanges, .file("/etc/svs/services"),
        .output("iptables-save"),
    ]
    static let answers: [KeeperAnswer] = [
        .done, .refused(error), .link(interface: 2, place: 0, blocks: 128, slotSize: 2048), .interface(5),
        .device(name: "svs0", index: 9, hasOffload: true), .file, .output(text: nil, errors: ""), .output(text: "", errors: "x"),
    ]
    static let events: [KeeperEvent] = [
        .client(1, onlyLooks: false), .client(2, onlyLooks: true), .clientsTold, .refusal(error), .endForNext, .versions("svs 1"),
    ]

    @Test func everyMessageComesBackAsItWas() {
        for request in Self.requests { #expect(DirectorRequest(request.bytes) == request) }
        for answer in Self.answers {
            #expect(KeeperAnswer(answer.bytes) == answer)
            #expect(!KeeperEvent.isEvent(answer.bytes))
        }
        for event in Self.events {
            #expect(KeeperEvent(event.bytes) == event)
            #expect(KeeperEvent.isEvent(event.bytes))
        }
    }

    /// The examples leave nothing at what it is by itself, so that a part which is not sent is missed.
    @Test func examplesFillEveryPart() {
        for (example, empty) in [(Self.traffic as Any, SuppressedTraffic() as Any), (Self.own, OwnTraffic())] {
            for (filled, unset) in zip(Mirror(reflecting: example).children, Mirror(reflecting: empty).children) {
                #expect("\(filled.value)" != "\(unset.value)", "\(filled.label ?? "")")
            }
        }
    }

    /// What is cut off, too long or changed is read as something whole or refused, and never traps.
    @Test func whatIsDamagedIsRefused() {
        var generator = SeededGenerator(seed: 4)
        for bytes in Self.requests.map(\.bytes) + Self.answers.map(\.bytes) + Self.events.map(\.bytes) {
            for length in 0..<bytes.count {
                let cut = Array(bytes.prefix(length))
                #expect(DirectorRequest(cut)?.bytes != bytes && KeeperAnswer(cut)?.bytes != bytes && KeeperEvent(cut)?.bytes != bytes)
            }
            #expect(DirectorRequest(bytes + [0]) == nil && KeeperEvent(bytes + [0]) == nil)
            for _ in 0..<200 {
                var changed = bytes
                changed[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
                _ = (DirectorRequest(changed), KeeperAnswer(changed), KeeperEvent(changed))
            }
        }
    }

    /// A message of any length arrives whole, with its descriptors; nothing is left when the other end is gone.
    @Test func messagesOfEveryLengthArrive() throws {
        let (one, other) = try Channel.pair()
        for count in [0, 1, 65_534, 65_535, 65_536, 3_000_000] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try one.send(bytes, [one.descriptor], waits: false)
            let message = try #require(try other.receive(waits: true))
            #expect(message.bytes == bytes && message.descriptors.count == 1)
        }
        #expect(try other.receive(waits: false) == nil)
        try #require(throws: (any Error).self) { try one.send([UInt8](repeating: 0, count: Channel.longest + 1), waits: false) }
    }
}

private func ip(_ text: String) -> IPAddress {
    guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
    return address
}
