import Admin
import LVS
import Testing
import Wire

@Suite struct ControlProc {
    private func text(_ name: String, _ director: MemoryDirector) throws -> String {
        let bench = try ControlBench(director)
        defer { _ = bench.stop() }
        let raw = try RawClient(bench.path)
        var text: [UInt8] = []
        var messages = try raw.ask(command: ControlConstants.Verb.readFile, flags: 0x301) {
            $0.put(ControlConstants.Top.file, string: "proc/" + name)
        }
        while true {
            for message in messages {
                guard message.type != NetlinkMessage.Kind.done else { return String(decoding: text, as: UTF8.self) }
                let body = try #require(GenericMessage(message.payload).flatMap { NetlinkAttributes($0.attributes) })
                text += try #require(body.bytes(ControlConstants.Top.payload))
            }
            messages = try #require(NetlinkMessage.messages(in: raw.receive()))
        }
    }

    @Test func services() throws {
        var persistent = ServiceSettings(scheduler: "wrr", flags: [.persistent, .hashed], timeout: 99)
        let server = ServerRecord(key: ServerKey(address: IPAddress("10.2.0.14")!, port: 80), settings: ServerSettings(method: .tunneling))
        let server6 = ServerRecord(
            key: ServerKey(address: IPAddress("fd00::b")!, port: 8080),
            settings: ServerSettings(method: .fullNAT, weight: 65535), active: 12, inactive: 3)
        var services = [
            ServiceRecord(key: ControlExamples.v4, settings: ServiceSettings(scheduler: "rr"), servers: [server]),
            ServiceRecord(key: ServiceKey(mark: 7, family: .v4), settings: persistent),
            ServiceRecord(
                key: ServiceKey(proto: 17, address: IPAddress("10.9.0.1")!, port: 53),
                settings: ServiceSettings(scheduler: "sh", flags: .onePacket)),
        ]
        persistent.netmask = 96
        services.append(ServiceRecord(key: ControlExamples.v6, settings: persistent, servers: [server6]))
        #expect(
            try text("ip_vs", MemoryDirector(state: Inventory(services: services))) == """
                IP Virtual Server version 1.2.1 (size=4096)
                Prot LocalAddress:Port Scheduler Flags
                  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
                TCP  0A090001:0050 rr\u{20}\u{20}
                  -> 0A02000E:0050      Tunnel  1      0          0        \u{20}
                FWM  00000007 wrr persistent 9900 FFFFFFFF
                UDP  0A090001:0035 sh ops\u{20}\u{20}
                SCTP  [2001:0db8:0000:0000:0000:0000:0000:0080]:01BB wrr persistent 9900 00000060
                  -> [fd00:0000:0000:0000:0000:0000:0000:000b]:1F90      Masq    65535  12         3        \u{20}

                """)
    }

    @Test func connections() throws {
        #expect(
            try text("ip_vs_conn", MemoryDirector(table: ControlExamples.connections)) == """
                Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
                TCP C0000202 03E9 0A090001 07D1 0A02000D 07D1 ESTABLISHED     899
                IP  CB007102 0000 00000033 0000 0A02000C 0000 NONE             29
                UDP C0000201 0000 0A090001 13C4 0A02000C 13C4 NONE             59 sip abc@1
                SCTP 2001:0db8:000c:0000:0000:0000:0000:0007 0067 2001:0db8:0009:0000:0000:0000:0000:0001 0050 \
                2001:0db8:0002:0000:0000:0000:0000:0011 0050 ESTABLISHED     891

                """)
        #expect(
            try text("ip_vs_conn_sync", MemoryDirector(table: [ControlExamples.connections[0]])) == """
                Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Origin Expires
                TCP C0000202 03E9 0A090001 07D1 0A02000D 07D1 ESTABLISHED LOCAL      899

                """)
    }

    @Test func statistics() throws {
        var total = ControlExamples.statistics
        (total.counters.packetsIn, total.counters.bytesOut) = (0xb3, 0x2ac)
        total.rates.packetsIn = 1
        #expect(
            try text("ip_vs_stats", MemoryDirector(state: Inventory(total: total))) == """
                   Total Incoming Outgoing         Incoming         Outgoing
                   Conns  Packets  Packets            Bytes            Bytes
                      8F       B3        3             2238              2AC

                 Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s
                       1        1        0               45                6

                """)
    }

    @Test func aTableOfManyRowsIsWhole() throws {
        let rows = (0..<2_500).map { _ in ControlExamples.connections[0] }
        let lines = try text("ip_vs_conn", MemoryDirector(table: rows)).split(separator: "\n")
        #expect(lines.count == 2_501 && Set(lines).count == 2)
    }
}
