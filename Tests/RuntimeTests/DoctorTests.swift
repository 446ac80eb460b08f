import Admin
import Host
import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet

@testable import Runtime

/// What keeps a host from being a director, and who else says that he is one.
@Suite struct DoctorTests {
    /// Facts of this host's loopback with something else.
    private func facts(_ change: (inout LinkFacts) -> Void) throws -> LinkFacts {
        var facts = try LinkFacts(of: "lo")
        change(&facts)
        return facts
    }

    @Test func largeReceiveOffload() throws {
        #expect(try HostWarnings.fault(of: "eth0", facts { $0.hasLRO = false }) == nil)
        let fault = try #require(try HostWarnings.fault(of: "eth0", facts { $0.hasLRO = true }))
        #expect(fault.code == "lro" && fault.cure == "ethtool -K eth0 lro off")
    }

    @Test func theKernelsOwnIPVS() {
        let title = "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port Forward\n"
        #expect(HostWarnings.kernelFault(title).isEmpty)
        #expect(HostWarnings.kernelFault(title + "TCP  CB007101:0050 wlc\n").map(\.code) == ["kernel-ipvs"])
    }

    @Test func aStrictFilterWhereTheHostIsAClient() {
        #expect(HostWarnings.filterFault(of: "svs0", .loose).isEmpty && HostWarnings.filterFault(of: "svs0", nil).isEmpty)
        #expect(HostWarnings.filterFault(of: "svs0", .strict).map(\.cure) == ["sysctl -w net.ipv4.conf.svs0.rp_filter=2"])
    }

    /// A director with one service, and the host's rules.
    private func faults(_ rules: String, isHonoured: Bool) throws -> [String] {
        var director = Director(connections: 16)
        for command in try ServicesFile.commands(in: "-A -t 192.0.2.1:80 -s rr", file: "services") { try director.apply(command) }
        let text = "# iptables-save\n*filter\n:INPUT ACCEPT [0:0]\n\(rules)\nCOMMIT\n"
        try HostRules(output: { command throws(FileError) in command == "iptables-save" ? (text, "") : nil })
            .apply(to: &director, marks: false, honours: true)
        return HostWarnings.firewallFaults(director, isHonoured: isHonoured).map(\.code)
    }

    @Test func rulesThatWouldHaveMattered() throws {
        let drop = "-A INPUT -p tcp -m tcp --dport 80 -j DROP", other = "-A INPUT -p tcp -m tcp --dport 22 -j DROP"
        #expect(try faults(drop, isHonoured: true) == [])
        #expect(try faults(drop, isHonoured: false) == ["firewall-ignored"])
        #expect(try faults(other, isHonoured: false) == [])
        #expect(try faults("-A INPUT -p tcp -m tcp --dport 80 -m quota --quota 9 -j DROP", isHonoured: true) == ["firewall-unclear"])
    }

    // MARK: claims

    private static func gratuitous(_ address: IPAddress, by mac: MACAddress, _ operation: ARPOperation) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 60)
        bytes.withBytes {
            $0.setMAC(.broadcast, at: 0)
            $0.setMAC(mac, at: 6)
            $0.setBig16(EtherType.arp, at: 12)
            ARPPacket.write(to: $0.dropFirst(14), operation: operation, senderMAC: mac, sender: address, targetMAC: mac, target: address)
        }
        return bytes
    }

    /// Somebody else's gratuitous ARP is said once, as is that it is over; the director's own on another wire is nobody else's.
    @Test func whoClaimsAVirtualAddressIsNamed() throws {
        let director = try RunningDirector(services: EventLoopTests.services)
        let thief = MACAddress(bits: 0x0200_0000_0066)
        let own = Self.gratuitous(ip("192.0.2.1"), by: MACAddress(bits: 0x0200_0000_0003), .reply)
        let other = Self.gratuitous(ip("192.0.2.77"), by: thief, .reply)
        for frame in [own, other] + [ARPOperation.request, .reply].map({ Self.gratuitous(ip("192.0.2.1"), by: thief, $0) }) {
            director.clients.arrive(frame)
        }
        let line = "warning: 02:00:00:00:00:66 on eth0 claims 192.0.2.1: what is sent there goes past the director; "
        #expect(wait { director.lines.all.last == line + "on that host: svs doctor --server 192.0.2.1" })
        let status = try ControlClient(path: director.control).status()
        #expect(status.claims == [.init(address: "192.0.2.1", interface: "eth0", mac: "02:00:00:00:00:66")])
        #expect(status.faults.map(\.code) == ["vip-claimed"])
        try director.stop()
        #expect(director.lines.all.count { $0.contains("claims") } == 1)
    }

    @Test func aClaimThatIsNotHeardAgainIsOver() throws {
        var director = Director(connections: 16, hostEmulation: HostEmulation(isWholeHost: false, ownership: .all), at: 1)
        director.network = FakeHost.network
        for command in try ServicesFile.commands(in: "-A -t [2001:db8::1]:80 -s rr", file: "services") { try director.apply(command) }
        let mac = MACAddress(bits: 0x0200_0000_0066)
        var frame = [UInt8](repeating: 0, count: 14 + 40 + NeighborMessage.length)
        let address = ip("2001:db8::1"), all = IPAddress(high: 0xff02 << 48, low: 1)
        frame.withBytes {
            $0.setMAC(MACAddress(group: all), at: 0)
            $0.setMAC(mac, at: 6)
            $0.setBig16(EtherType.ipv6, at: 12)
            IPv6Header.write(
                to: $0.dropFirst(14), payloadLength: NeighborMessage.length, nextHeader: IPProtocol.icmpv6, from: address, to: all,
                hopLimit: 255)
            NeighborMessage.writeAdvertisement(to: $0.dropFirst(54), from: address, to: all, target: address, targetMAC: mac)
        }
        let news = ClaimNews()
        var said: [String] = []
        func follow(_ now: Instant) -> Int { news.follow(&director, on: ["eth0"], at: now) { said.append($0) }.count }
        frame.withBytes { bytes in
            var batch = Batch(capacity: 1)
            batch.append(Frame(buffer: bytes.base, capacity: bytes.count, headroom: 0, length: bytes.count, ingress: 2))
            director.process(&batch, at: second)
        }
        // A change of VRRP's masters takes a moment.
        #expect(follow(second + millisecond) == 0 && said.isEmpty)
        #expect(follow(2 * second) == 1 && follow(3 * second) == 1 && said.count == 1)
        #expect(follow(second + AddressClaim.patience) == 0)
        #expect(said.last == "02:00:00:00:00:66 on eth0 claims 2001:db8::1 no more" && said.count == 2)
    }

    /// Each address is asked for on its wires, at first after two seconds and then every thirty.
    @Test func wiresAreAskedFromTimeToTime() throws {
        var director = Director(connections: 16, hostEmulation: HostEmulation(isWholeHost: false, ownership: .all), at: 1)
        director.network = FakeHost.network
        director.network.addresses.append(.init(address: ip("192.0.2.1"), prefixLength: 32, interface: 2))
        let services = "-A -t 192.0.2.1:80 -s rr\n-A -t [2001:db8::1]:80 -s rr"
        for command in try ServicesFile.commands(in: services, file: "services") { try director.apply(command) }
        let watch = AddressWatch()
        func asked(_ now: Instant) -> [String] {
            var frames: [String] = []
            watch.ask(&director, on: ["eth0", "eth1"], at: now) { batch in
                for place in 0..<batch.count {
                    frames.append("\(batch[place].egress) \(PacketDescription(batch[place].bytes).description)")
                }
            }
            return frames
        }
        #expect(asked(0).isEmpty && asked(second).isEmpty)
        let first = asked(2 * second)
        // What the host has is asked for on its wire, what the director owns on all.
        #expect(first.map { $0.prefix(1) } == ["2", "2", "3"])
        #expect(asked(3 * second).isEmpty && asked(31 * second).isEmpty)
        #expect(asked(32 * second) == first)
    }

    // MARK: what the log says

    @Test func commandsAreLoggedWithWhoAndWhat() throws {
        let lines = RunningDirector.Lines()
        var now: UInt64 = 1
        let commands = CommandLog(Log { lines.add($0) }, clock: { now })
        let service = ServiceKey(proto: IPProtocol.tcp, address: ip("192.0.2.1"), port: 80)
        commands.note(.addServer(service, ServerKey(address: ip("10.0.0.1"), port: 80), ServerSettings(weight: 3)), nil, from: -1)
        commands.note(.deleteService(service), .noSuchService, from: -1)
        commands.note(.startDaemon(SyncDaemon(role: .master)), nil, from: -1)
        #expect(
            lines.all == [
                "command of a client: -a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 3",
                "command of a client: -D -t 192.0.2.1:80: refused: no such service", "command of a client: start master daemon",
            ])
        for _ in 0..<300 { commands.note("svs set", from: -1) }
        #expect(lines.all.count == 200)
        now = 2
        commands.tick()
        commands.tick()
        #expect(lines.all.count == 201 && lines.all.last == "103 commands more in that second")
    }

    @Test func theFirstLineSaysWhatThereIs() throws {
        var director = Director(connections: 16, hostEmulation: HostEmulation(isWholeHost: false, ownership: .only([ip("192.0.2.2")])))
        director.network = FakeHost.network
        director.network.addresses.append(.init(address: ip("192.0.2.1"), prefixLength: 32, interface: 2))
        let services = (1...3).map { "-A -t 192.0.2.\($0):80 -s rr\n-a -t 192.0.2.\($0):80 -r 10.0.0.1:80 -g\n" }.joined()
        for command in try ServicesFile.commands(in: services, file: "services") { try director.apply(command) }
        #expect(
            StartLine.text(&director, interfaces: ["eth0"], control: "/run/svs.sock", ioThreads: 2)
                == "svs \(Release.version): director on eth0, control socket /run/svs.sock, 3 services, 3 servers, 2 I/O threads, virtual addresses "
                + "192.0.2.1 (this host's), 192.0.2.2 (its own), 192.0.2.3 (nobody's here)")
    }
}
