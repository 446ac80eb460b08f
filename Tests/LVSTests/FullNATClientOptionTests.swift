import LVS
import PacketKit
import Testing
import Wire

import enum PacketKit.Packet
import enum PacketKit.TCPOption

/// The TCP option that carries the client's address to a server.
struct FullNATClientOptionTests {
    /// A connection in the middle of its handshake: the client's SYN with sequence number 1000, the server's with 5000.
    struct Handshake {
        let bench: TranslationFixture
        let client: Endpoint, virtual: Endpoint, server: Endpoint
        var local: Endpoint
        /// The server's SYN+ACK as the client got it.
        var answer: [UInt8]

        init(
            isV4: Bool = true, option: ClientAddressOption = .toa, window: UInt16 = 65535, serverMTU: Int = 1500,
            synOptions: [UInt8] = TCPOption.mss(1460), headroom: Int = 128
        ) throws {
            client = isV4 ? "198.51.100.7:4000" : "[2001:db8:c::7]:4000"
            virtual = isV4 ? "203.0.113.10:80" : "[2001:db8:f::10]:80"
            server = isV4 ? "10.2.0.11:8080" : "[fd00:2::11]:8080"
            bench = TranslationFixture(serverMTU: serverMTU)
            bench.headroom = headroom
            let address = TranslationFixture.ip(isV4 ? "10.2.0.200" : "fd00:2::200")
            try bench.serve(virtual, server, method: .fullNAT) {
                $0.localAddresses = [address...address]
                $0.clientAddress = option
            }
            let syn = try #require(
                bench.send(Packet.tcp(from: client, to: virtual, flags: .syn, seq: 1000, options: TCPOption.mss(1460))).first)
            local = ends(syn).source
            let back = bench.send(
                Packet.tcp(from: server, to: local, flags: [.syn, .ack], seq: 5000, ack: 1001, window: window, options: synOptions))
            answer = try #require(back.first)
        }

        func fromClient(seq: UInt32 = 1001, ack: UInt32 = 5001, flags: TCPFlags = .ack, options: [UInt8] = [], payload: [UInt8] = [])
            -> [UInt8]
        {
            Packet.tcp(from: client, to: virtual, flags: flags, seq: seq, ack: ack, options: options, payload: payload)
        }
        func fromServer(seq: UInt32 = 5001, ack: UInt32, flags: TCPFlags = .ack, options: [UInt8] = [], payload: [UInt8] = []) -> [UInt8] {
            Packet.tcp(from: server, to: local, flags: flags, seq: seq, ack: ack, options: options, payload: payload)
        }
        func ip(_ checks: Check<IPFields>...) -> Layer {
            client.address.isV4 ? .ipv4(.destination(server)) : .ipv6(.destination(server))
        }
    }

    private static let option4 = hex("fe 08 0f a0 c6 33 64 07")
    private static let option6 = hex("fe 14 0f a0 20 01 0d b8 00 0c 00 00 00 00 00 00 00 00 00 07")

    @Test(
        "The handshake's last segment and what follows carry it, until the client has seen an answer", arguments: [true, false], [0, 128])
    func carried(_ isV4: Bool, _ headroom: Int) throws {
        let connection = try Handshake(isV4: isV4, headroom: headroom)
        let option = isV4 ? Self.option4 : Self.option6
        let bench = connection.bench
        expect(try #require(bench.send(connection.fromClient()).first), connection.ip(), .tcp(.seq(1001), .options(option)), .payload([]))
        let time = TCPOption.nop + TCPOption.nop + TCPOption.timestamps(1, 2)
        expect(
            try #require(bench.send(connection.fromClient(flags: [.ack, .psh], options: time, payload: hex("41 42 43"))).first),
            connection.ip(), .tcp(.seq(1001), .options(option + time)), .payload(hex("41 42 43")))
        bench.send(connection.fromServer(ack: 1004, payload: hex("61")))
        expect(try #require(bench.send(connection.fromClient(seq: 1004, ack: 5002)).first), connection.ip(), .tcp(.options([])))
        // An old segment that comes late goes without.
        expect(try #require(bench.send(connection.fromClient(seq: 1004)).first), connection.ip(), .tcp(.options([])))
    }

    @Test("The client is asked for segments that leave room for it", arguments: [(true, 1452), (false, 1440)] as [(Bool, UInt16)])
    func room(_ isV4: Bool, _ size: UInt16) throws {
        let connection = try Handshake(isV4: isV4)
        expect(connection.answer, isV4 ? .ipv4() : .ipv6(), .tcp(.flags([.syn, .ack]), .ack(1001), .options(TCPOption.mss(size))))
    }

    @Test("SYN and RST go without, a service can do without", arguments: [(ClientAddressOption.toa, TCPFlags.rst), (.none, .ack)])
    func without(_ option: ClientAddressOption, _ flags: TCPFlags) throws {
        let connection = try Handshake(option: option)
        expect(try #require(connection.bench.send(connection.fromClient(flags: [flags, .ack])).first), connection.ip(), .tcp(.options([])))
        if option == .none { expect(connection.answer, .ipv4(), .tcp(.options(TCPOption.mss(1460)))) }
    }

    @Test(
        "A segment without room goes without: full header, full way",
        arguments: [
            ([UInt8](repeating: 1, count: 36), 100), ([], 1453),
        ] as [([UInt8], Int)])
    func full(_ options: [UInt8], _ payload: Int) throws {
        let connection = try Handshake()
        let out = try #require(
            connection.bench.send(connection.fromClient(options: options, payload: [UInt8](repeating: 9, count: payload))).first)
        expect(out, connection.ip(), .tcp(.options(options)))
        // One byte less has room.
        let next = try #require(connection.bench.send(connection.fromClient(payload: [UInt8](repeating: 9, count: 1452))).first)
        expect(next, .ipv4(.length(1500)), .tcp(.options(Self.option4)))
    }

    @Test("An option that the client forged is blanked")
    func forged() throws {
        let connection = try Handshake()
        let out = try #require(connection.bench.send(connection.fromClient(options: hex("fe 08 00 01 7f 00 00 01"))).first)
        expect(out, connection.ip(), .tcp(.options(Self.option4 + [UInt8](repeating: 1, count: 8))))
    }

    @Test("A superframe with a partial checksum carries it in its header")
    func superframe() throws {
        let connection = try Handshake()
        let payload = [UInt8](repeating: 3, count: 5000)
        let offload = Offload(
            flags: Offload.needsChecksum, segmentation: Offload.tcp4, headerLength: 54, segmentSize: 1452,
            checksumStart: 34, checksumOffset: 16)
        let sent = partial(connection.fromClient(payload: payload), from: connection.client, to: connection.virtual)
        let out = try #require(connection.bench.send(sent, offload: offload).first)
        var wanted = offload
        wanted.headerLength = 62
        #expect(connection.bench.offloads == [wanted])
        let whole = Packet.tcp(
            from: connection.local, to: connection.server, flags: .ack, seq: 1001, ack: 5001, options: Self.option4,
            payload: payload, ttl: 63)
        #expect(packet(out) == partial(whole, from: connection.local, to: connection.server))
        // Segments that would be too long with it go without.
        var long = offload
        long.segmentSize = 1453
        let plain = try #require(connection.bench.send(sent, offload: long).first)
        #expect(plain.count == 14 + 5040 && connection.bench.verdict == .fullNAT)
    }

    @Test("A wrong checksum stays wrong")
    func wrongChecksum() throws {
        let connection = try Handshake()
        let out = try #require(connection.bench.send(connection.fromClient().with(0x12, 0x34, at: 36)).first)
        #expect(mismatches(out, [.ipv4(), .tcp(.options(Self.option4))]) == ["tcp: bad checksum"])
    }
}
