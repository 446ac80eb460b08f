import Admin
import LVS
import Testing
import Wire

@Suite struct ControlCodec {
    @Test func everyCommandComesBackAsItWentOut() throws {
        for command in ControlExamples.commands {
            let message = try NetlinkCodec.message(for: command)
            let request = try #require(try NetlinkCodec.request(message, isDump: false))
            guard case .change(let draft) = request else { Issue.record("\(command) became \(request)"); continue }
            #expect(draft.command == command)
            #expect(!draft.leavesThings)
        }
    }

    @Test func everyRecordComesBackFromItsDump() throws {
        for record in ControlExamples.inventory.services {
            var found = try NetlinkCodec.service(NetlinkCodec.message(for: record))
            for server in record.servers {
                found.servers.append(try NetlinkCodec.server(NetlinkCodec.message(for: server), of: record.key.family))
            }
            #expect(found == record)
        }
        for row in ControlExamples.connections { #expect(try NetlinkCodec.connection(NetlinkCodec.message(for: row)) == row) }
        let daemon = ControlExamples.daemons[1]
        #expect(try NetlinkCodec.daemon(NetlinkCodec.message(for: daemon)) == daemon)
    }

    @Test func aDefaultDaemonIsListedInNumbers() throws {
        let listed = try NetlinkCodec.daemon(NetlinkCodec.message(for: SyncDaemon(role: .master, interface: "d0", syncID: 5)))
        #expect(
            listed
                == SyncDaemon(
                    role: .master, interface: "d0", syncID: 5, maximumLength: 1472,
                    group: IPAddress("224.0.0.81"), port: 8848, timeToLive: 1))
    }

    @Test func aServiceDumpHasTheKernelsAttributesInTheKernelsOrder() throws {
        let record = ServiceRecord(key: ControlExamples.v4, settings: ControlExamples.full, statistics: ControlExamples.statistics)
        let top = try #require(NetlinkAttributes(NetlinkCodec.message(for: record).attributes))
        let service = try #require(top.nest(1))
        #expect(service.types.filter { $0 < 0x100 } == [1, 2, 3, 4, 6, 11, 7, 8, 9, 10, 12])
        #expect(service.bytes(3).map { Array($0) } == [10, 9, 0, 1] + [UInt8](repeating: 0, count: 12))
        #expect(service.bytes(7).map { Array($0) } == [0x2f, 0, 0, 0, 0xff, 0xff, 0xff, 0xff])
        #expect(service.bytes(9).map { Array($0) } == [255, 255, 255, 0])
        let narrow = try #require(service.nest(10)), wide = try #require(service.nest(12))
        #expect(narrow.types == Array(1...10) && wide.types == Array(1...10))
        #expect(narrow.u32(2) == 0xb3 && wide.u64(2) == 0x1_0000_00b3)
        #expect(narrow.u64(5) == .max && wide.u64(5) == .max)
    }

    @Test func toOthersFullNATIsMasquerading() throws {
        let record = ServerRecord(key: ServerKey(address: IPAddress("10.2.0.11")!, port: 80), settings: ServerSettings(method: .fullNAT))
        let server = try #require(NetlinkAttributes(NetlinkCodec.message(for: record).attributes)?.nest(2))
        #expect(server.u32(3) == 0)
        #expect(server.types.filter { $0 < 0x100 }.sorted() == Array(1...15))
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let command: UInt8
        let error: CommandError
        let write: @Sendable (inout AttributeWriter) -> Void
        init(
            _ name: String, _ command: UInt8, _ error: CommandError = .invalid, _ write: @escaping @Sendable (inout AttributeWriter) -> Void
        ) {
            (testDescription, self.command, self.error, self.write) = (name, command, error, write)
        }
    }

    static func identity(_ out: inout AttributeWriter, family: UInt16 = 2) {
        out.put(1, u16: family)
        out.put(2, u16: 6)
        out.put(3, bytes: [10, 9, 0, 1])
        out.put(4, big16: 80)
    }

    static let full: @Sendable (inout AttributeWriter) -> Void = {
        identity(&$0)
        $0.put(6, string: "rr")
        $0.put(7, bytes: [0, 0, 0, 0, 255, 255, 255, 255])
        $0.put(8, u32: 0)
        $0.put(9, u32: .max)
    }

    @Test(arguments: [
        Bad("no service", 1) { _ in },
        Bad("an empty service", 1) { $0.nest(1) { _ in } },
        Bad("identity alone is not enough to add", 1) { $0.nest(1) { identity(&$0) } },
        Bad("a family that is neither", 3, .familyNotSupported) { $0.nest(1) { identity(&$0, family: 1) } },
        Bad("an IPv6 address of four bytes", 3) { $0.nest(1) { identity(&$0, family: 10) } },
        Bad("a mark of 0", 3) {
            $0.nest(1) {
                $0.put(1, u16: 2); $0.put(5, u32: 0)
            }
        },
        Bad("a mark of two bytes", 3) {
            $0.nest(1) {
                identity(&$0); $0.put(5, u16: 1)
            }
        },
        Bad("a protocol above 255", 3) {
            $0.nest(1) {
                identity(&$0); $0.put(2, u16: 256)
            }
        },
        Bad("a port of one byte", 3) {
            $0.nest(1) {
                identity(&$0); $0.put(4, u8: 1)
            }
        },
        Bad("a scheduler of 16 letters", 1) {
            $0.nest(1) {
                full(&$0); $0.put(6, string: "sixteen-letters!")
            }
        },
        Bad("flags without a mask", 1) {
            $0.nest(1) {
                full(&$0); $0.put(7, u32: 1)
            }
        },
        Bad("ranges that begin elsewhere", 3) {
            $0.nest(1) {
                identity(&$0); $0.put(0x100, bytes: [0, 81, 0, 90])
            }
        },
        Bad("a range that runs backwards", 3) {
            $0.nest(1) {
                identity(&$0); $0.put(0x100, bytes: [0, 80, 0, 79])
            }
        },
        Bad("local addresses that run backwards", 1) {
            $0.nest(1) {
                full(&$0); $0.put(0x101, bytes: [UInt8](repeating: 1, count: 16) + [UInt8](repeating: 0, count: 16))
            }
        },
        Bad("half a local address", 1) {
            $0.nest(1) {
                full(&$0); $0.put(0x101, bytes: [1, 2, 3])
            }
        },
        Bad("an MSS of 65536", 1) {
            $0.nest(1) {
                full(&$0); $0.put(0x103, u32: 0x20000)
            }
        },
        Bad("a server without a service", 7) {
            $0.nest(2) {
                $0.put(1, bytes: [10, 2, 0, 11]); $0.put(2, big16: 80)
            }
        },
        Bad("a server without a weight", 5) {
            $0.nest(1) { identity(&$0) }
            $0.nest(2) {
                $0.put(1, bytes: [10, 2, 0, 11]); $0.put(2, big16: 80); $0.put(3, u32: 3)
            }
        },
        Bad("a server of another family than 2 and 10", 7, .familyNotSupported) {
            $0.nest(1) { identity(&$0) }
            $0.nest(2) {
                $0.put(1, bytes: [10, 2, 0, 11]); $0.put(2, big16: 80); $0.put(11, u16: 3)
            }
        },
        Bad("a mapped IPv6 server address", 7) {
            $0.nest(1) { identity(&$0) }
            $0.nest(2) {
                $0.put(1, bytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 2, 0, 11])
                $0.put(2, big16: 80)
                $0.put(11, u16: 10)
            }
        },
        Bad("a daemon of state 3", 10) { $0.nest(3) { $0.put(1, u32: 3) } },
        Bad("a daemon without an interface", 9) {
            $0.nest(3) {
                $0.put(1, u32: 1); $0.put(3, u32: 1)
            }
        },
        Bad("a timeout of two bytes", 12) { $0.put(4, u16: 1) },
        Bad("a nest that is longer than its bytes", 3) { $0.put(1, bytes: [200, 0, 1, 0, 2, 0]) },
    ])
    func refuses(_ bad: Bad) {
        var out = AttributeWriter()
        bad.write(&out)
        #expect(throws: bad.error) {
            _ = try NetlinkCodec.request(GenericMessage(command: bad.command, attributes: out.bytes), isDump: false)
        }
    }

    @Test func flagsOutsideTheMaskStay() throws {
        var out = AttributeWriter()
        out.nest(1) {
            Self.full(&$0); $0.put(7, bytes: [0x08, 0, 0, 0, 0x0c, 0, 0, 0])
        }
        let request = try NetlinkCodec.request(GenericMessage(command: 2, attributes: out.bytes), isDump: false)
        guard case .change(let draft) = request else { Issue.record("no command"); return }
        #expect(draft.leavesThings && draft.flagMask == 0x0c)
        var old = ServiceRecord(key: ControlExamples.v4, settings: ControlExamples.full)
        old.settings.flags = ServiceFlags(rawValue: 0x17)
        guard case .editService(_, let settings) = draft.resolved(with: old) else { Issue.record("no edit"); return }
        #expect(settings.flags.rawValue == 0x1b)
        // The client named none of our own attributes: they stay as well.
        #expect(settings.mssClamp == .value(1400) && settings.localAddresses == ControlExamples.full.localAddresses)
        #expect(settings.scheduler == "rr")
    }

    @Test func thousandsOfRangesAreRefusedNotCut() {
        var key = ControlExamples.v4
        key.ranges = [80...80] + (0..<1024).map { 1000 + $0...1000 + $0 }
        #expect(throws: CommandError.invalid) { _ = try NetlinkCodec.message(for: .deleteService(key)) }
    }

    @Test func errorsCarryTheRequestAndTheirText() throws {
        let request = NetlinkMessage(type: 0x5653, flags: 5, sequence: 9, port: 77, payload: [1, 1, 0, 0, 8, 0, 4, 0, 1, 0, 0, 0])
        let plain = NetlinkMessage.answer(errno: 22, to: request)
        #expect(plain.bytes == [48, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0, 77, 0, 0, 0, 0xea, 0xff, 0xff, 0xff] + request.bytes)
        let told = try #require(NetlinkMessage.answer(errno: 95, to: request, text: "no such question").refusal)
        #expect(told.errno == 95 && told.text == "no such question")
        #expect(
            NetlinkMessage.answer(errno: 0, to: request).bytes
                == [36, 0, 0, 0, 2, 0, 0, 1, 9, 0, 0, 0, 77, 0, 0, 0, 0, 0, 0, 0] + request.bytes.prefix(16))
    }
}
