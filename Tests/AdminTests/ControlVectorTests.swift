import Admin
import LVS
import Testing
import Wire

/// Requests as ipvsadm 1.31 sent them (generic netlink header and attributes), and what they mean.
@Suite struct ControlVectors {
    struct Vector: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: String
        let command: Command
        var mask: UInt32 = .max
        init(_ line: String, _ bytes: String, _ command: Command) {
            (testDescription, self.bytes, self.command) = (line, bytes, command)
        }
        var message: GenericMessage? { GenericMessage(Self.octets(bytes)) }

        static func octets(_ text: String) -> [UInt8] {
            let digits = text.compactMap(\.hexDigitValue)
            return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
        }
    }

    static let web = ServiceKey(proto: 6, address: IPAddress("10.9.0.1")!, port: 80)
    /// The service nest that every server command carries: identity, and settings that mean nothing.
    static let webService = """
        54000180 0600010002000000 0600020006000000 140003000a090001000000000000000000000000 0600040000500000 \
        0500060000000000 0c00070000000000ffffffff 0800080000000000 08000900ffffffff
        """

    static let vectors = [
        Vector(
            "-A -t 10.9.0.1:80 -s rr",
            """
            01010000 54000180 0600010002000000 0600020006000000 140003000a090001000000000000000000000000 0600040000500000 \
            0700060072720000 0c00070000000000ffffffff 0800080000000000 08000900ffffffff
            """, .addService(web, ServiceSettings(scheduler: "rr"))),
        Vector(
            "-E -u 10.9.0.1:53 -s sh -o -b sh-port -p 600 -M 255.255.255.0 --pe sip",
            """
            02010000 5c000180 0600010002000000 0600020011000000 140003000a090001000000000000000000000000 0600040000350000 \
            0700060073680000 08000b0073697000 0c00070015000000ffffffff 0800080058020000 08000900ffffff00
            """,
            .editService(
                ServiceKey(proto: 17, address: IPAddress("10.9.0.1")!, port: 53),
                ServiceSettings(
                    scheduler: "sh", flags: [.persistent, .onePacket, .scheduler2], timeout: 600,
                    netmask: 0xffff_ff00, persistenceEngine: "sip"))),
        Vector(
            "-A -t [2001:db8::80]:443 -s mh -p 300 -M 96",
            """
            01010000 54000180 060001000a000000 0600020006000000 1400030020010db8000000000000000000000080 0600040001bb0000 \
            070006006d680000 0c00070001000000ffffffff 080008002c010000 0800090060000000
            """,
            .addService(
                ServiceKey(proto: 6, address: IPAddress("2001:db8::80")!, port: 443),
                ServiceSettings(scheduler: "mh", flags: .persistent, timeout: 300, netmask: 96))),
        Vector(
            "-A -f 7 -6 -s wlc",
            """
            01010000 38000180 060001000a000000 0800050007000000 08000600776c6300 0c00070000000000ffffffff 0800080000000000 \
            0800090080000000
            """, .addService(ServiceKey(mark: 7, family: .v6), ServiceSettings(netmask: 128))),
        Vector(
            "-D -f 9",
            """
            03010000 38000180 0600010002000000 0800050009000000 0500060000000000 0c00070000000000ffffffff 0800080000000000 \
            08000900ffffffff
            """, .deleteService(ServiceKey(mark: 9, family: .v4))),
        Vector(
            "-a -t 10.9.0.1:80 -r 10.2.0.11:8080 -m -w 3 -x 100 -y 50",
            """
            05010000 \(webService) 60000280 06000b0002000000 140001000a02000b000000000000000000000000 060002001f900000 \
            0800030000000000 0800040003000000 05000d0000000000 06000e0000000000 06000f0000000000 0800050064000000 0800060032000000
            """,
            .addServer(
                web, ServerKey(address: IPAddress("10.2.0.11")!, port: 8080),
                ServerSettings(method: .masquerading, weight: 3, upperThreshold: 100, lowerThreshold: 50))),
        Vector(
            "-e -t 10.9.0.1:80 -r [2001:db8::5]:80 -i --tun-type gue --tun-port 6080 --tun-csum",
            """
            06010000 \(webService) 60000280 06000b000a000000 1400010020010db8000000000000000000000005 0600020000500000 \
            0800030002000000 0800040001000000 05000d0001000000 06000e0017c00000 06000f0001000000 0800050000000000 0800060000000000
            """,
            .editServer(
                web, ServerKey(address: IPAddress("2001:db8::5")!, port: 80),
                ServerSettings(method: .tunneling, tunnel: .gue, tunnelPort: 6080, tunnelFlags: .checksum))),
        Vector(
            "-d -t 10.9.0.1:80 -r 10.2.0.11:80",
            """
            07010000 \(webService) 60000280 06000b0002000000 140001000a02000b000000000000000000000000 0600020000500000 \
            0800030003000000 0800040001000000 05000d0000000000 06000e0000000000 06000f0000000000 0800050000000000 0800060000000000
            """, .deleteServer(web, ServerKey(address: IPAddress("10.2.0.11")!, port: 80))),
        Vector("-C", "11010000", .flush),
        Vector("-Z", "10010000", .zero(nil)),
        Vector("-Z -t 10.9.0.1:80", "10010000 \(webService)", .zero(web)),
        Vector("--set 60 0 30", "0c010000 080004003c000000 0800050000000000 080006001e000000", .setTimeouts(tcp: 60, fin: 0, udp: 30)),
        Vector(
            "--start-daemon master --mcast-interface d0 --syncid 5",
            "09010000 1c000380 0800010001000000 0700020064300000 0800030005000000",
            .startDaemon(SyncDaemon(role: .master, interface: "d0", syncID: 5))),
        Vector(
            "--start-daemon backup --mcast-interface d0 --mcast-group ff02::81 --mcast-port 1234 --mcast-ttl 3 --sync-maxlen 1024",
            """
            09010000 48000380 0800010002000000 0700020064300000 0800030000000000 0600040000040000 06000700d2040000 \
            0500080003000000 14000600ff020000000000000000000000000081
            """,
            .startDaemon(
                SyncDaemon(
                    role: .backup, interface: "d0", maximumLength: 1024, group: IPAddress("ff02::81"),
                    port: 1234, timeToLive: 3))),
        Vector("--stop-daemon master", "0a010000 1c000380 0800010001000000 0500020000000000 0800030000000000", .stopDaemon(.master)),
    ]

    @Test(arguments: vectors)
    func means(_ vector: Vector) throws {
        let message = try #require(vector.message)
        guard case .change(let draft) = try NetlinkCodec.request(message, isDump: false) else { Issue.record("no command"); return }
        #expect(draft.command == vector.command)
        #expect(draft.flagMask == .max)
    }

    @Test(arguments: vectors)
    func noPrefixMeansAnythingElse(_ vector: Vector) throws {
        let message = try #require(vector.message)
        for length in 0..<message.attributes.count {
            let cut = GenericMessage(command: message.command, attributes: Array(message.attributes.prefix(length)))
            guard case .change(let draft) = (try? NetlinkCodec.request(cut, isDump: false)) ?? nil else { continue }
            // Only padding, a daemon's or timeouts' optional ends, or settings that a command ignores may be missing.
            switch draft.command {
            case .addService, .editService, .addServer, .editServer: #expect(draft.command == vector.command)
            default: break
            }
        }
    }
}
