import Admin
import LVS
import Testing
import Wire

/// What ipvsadm cannot say: several ports, FULLNAT, local addresses, MSS clamp, a service's own timeouts.
@Suite struct FurtherGrammar {
    private func parse(_ line: String) throws(UsageError) -> Admin.Request {
        try Grammar.parse(Transcript.shellWords(line[...]), names: HostFiles())
    }

    private static let vip = IPAddress(v4: 0x0a09_0001)

    @Test(
        arguments: [
            ("10.9.0.1:80,443", [80...80, 443...443]),
            ("10.9.0.1:443,80", [80...80, 443...443]),
            ("10.9.0.1:8000-8099", [8000...8099]),
            ("10.9.0.1:1-79,81-65535", [1...79, 81...65535]),
            ("10.9.0.1:http,https", [80...80, 443...443]),
            ("10.9.0.1:http-https", [80...443]),
            ("[2001:db8::1]:80,443", [80...80, 443...443]),
            ("10.9.0.1:80-80", []),
        ] as [(String, [ClosedRange<UInt16>])])
    func severalPorts(_ word: String, _ ranges: [ClosedRange<UInt16>]) throws {
        guard case .change(.addService(let key, _)) = try parse("-A -t \(word)") else { throw UsageError("no service") }
        #expect(key.ranges == ranges)
        #expect(key.port == ranges.first?.lowerBound ?? 80)
    }

    @Test(arguments: [
        "10.9.0.1:80,", "10.9.0.1:,80", "10.9.0.1:80,80", "10.9.0.1:80-90,85", "10.9.0.1:90-80", "10.9.0.1:0-10",
        "10.9.0.1:80,0", "10.9.0.1:1-65536", "10.9.0.1:80--90", "10.9.0.1:-", "10.9.0.1:nosvc,80",
    ])
    func portsThatAreNone(_ word: String) {
        #expect(throws: UsageError("illegal virtual server address[:port] specified")) { try parse("-A -t \(word)") }
    }

    @Test func aServerHasOnePort() {
        #expect(throws: UsageError("illegal real server address[:port] specified")) {
            try parse("-a -t 10.9.0.1:80,443 -r 10.2.0.11:80,443 -m")
        }
    }

    /// With several ports a server gets the packet's own port, which 0 stands for, unless one is given.
    @Test(
        arguments: [
            ("-r 10.2.0.11", 0), ("-r 10.2.0.11:8080", 0), ("-r 10.2.0.11 -m", 0), ("-r 10.2.0.11:8080 -m", 8080),
            ("-r 10.2.0.11:8080 --fullnat", 8080),
        ] as [(String, UInt16)])
    func portsOfServers(_ options: String, _ port: UInt16) throws {
        guard case .change(.addServer(_, let server, _)) = try parse("-a -t 10.9.0.1:80,443 \(options)") else {
            throw UsageError("no server")
        }
        #expect(server == ServerKey(address: IPAddress(v4: 0x0a02_000b), port: port))
    }

    @Test func furtherOptions() throws {
        let line =
            "-A -t 10.9.0.1:80 --local-address 10.1.0.1-10.1.0.9,10.1.1.1 --local-address fd00::1 --proxy-protocol "
            + "--mss-clamp=1400 --timeout-tcp 30 --timeout-fin 0 --timeout-udp 2678400"
        var settings = ServiceSettings()
        settings.localAddresses = [
            IPAddress(v4: 0x0a01_0001)...IPAddress(v4: 0x0a01_0009), IPAddress(v4: 0x0a01_0101)...IPAddress(v4: 0x0a01_0101),
            IPAddress(high: 0xfd00 << 48, low: 1)...IPAddress(high: 0xfd00 << 48, low: 1),
        ]
        settings.clientAddress = .proxyProtocol
        settings.mssClamp = .value(1400)
        settings.timeoutTCP = 30
        settings.timeoutUDP = 2_678_400
        let key = ServiceKey(proto: IPProtocol.tcp, address: Self.vip, port: 80)
        #expect(try parse(line) == .change(.addService(key, settings)))
    }

    @Test(arguments: [
        ("-A -t 10.9.0.1:80 --local-address 10.1.0.9-10.1.0.1", "illegal local address `10.1.0.9-10.1.0.1' specified"),
        ("-A -t 10.9.0.1:80 --local-address 10.1.0.1-fd00::1", "illegal local address `10.1.0.1-fd00::1' specified"),
        ("-A -t 10.9.0.1:80 --local-address ''", "illegal local address `' specified"),
        ("-A -t 10.9.0.1:80 --local-address 10.1.0.1,", "illegal local address `10.1.0.1,' specified"),
        ("-A -t 10.9.0.1:80 --mss-clamp 0", "illegal mss-clamp specified"),
        ("-A -t 10.9.0.1:80 --mss-clamp on", "illegal mss-clamp specified"),
        ("-A -t 10.9.0.1:80 --timeout-tcp 2678401", "invalid timeout value `2678401' specified"),
        ("-A -t 10.9.0.1:80 --no-toa --no-toa", "multiple 'no-toa' options specified"),
        (
            "-A -t 10.9.0.1:80 --no-toa --proxy-protocol",
            "The option 'proxy-protocol' conflicts with the 'no-toa' option in the 'add-service' command"
        ),
        ("-a -t 10.9.0.1:80 -r 10.2.0.11 --no-toa", "Illegal 'no-toa' option with the 'add-server' command"),
        ("-D -t 10.9.0.1:80 --local-address 10.1.0.1", "Illegal 'local-address' option with the 'delete-service' command"),
        ("-a -t 10.9.0.1:80 -r 10.2.0.11 -m --fullnat", "multiple 'forwarding-method' options specified"),
        ("-A -t 10.9.0.1:80 --fullnat", "Illegal 'forwarding-method' option with the 'add-service' command"),
        ("-a -t 10.9.0.1:80 -r 10.2.0.11 --fullnat --tun-type gre", "Tunnel options conflict with forward method"),
    ])
    func mistakes(_ line: String, _ text: String) {
        #expect(throws: UsageError(text)) { try parse(line) }
    }

    /// What is saved can be restored, and is saved the same again.
    @Test(arguments: [
        "-A -t 10.9.0.1:80,443 -s wrr -p 60 --local-address 10.1.0.1-10.1.0.9,10.1.1.1 --no-toa --mss-clamp auto",
        "-A -u 10.9.0.1:8000-8099,9000 -s sh -o -b sh-port --timeout-udp 5",
        "-A --sctp-service [2001:db8::1]:80 -s rr --local-address fd00::1-fd00::ff --proxy-protocol --mss-clamp 1220 --timeout-tcp 7 --timeout-fin 8",
        "-A -f 7 -6 -s lc --timeout-tcp 10",
    ])
    func savedAndRestored(_ rule: String) {
        let director = MockDirector()
        let service = rule.split(separator: " ").dropFirst().prefix { $0 != "-s" }.joined(separator: " ")
        let server = service.contains("[") || service.contains("-6") ? "[fd00::11]:8080" : "10.2.0.11:8080"
        let text = "\(rule)\n-a \(service) -r \(server) --fullnat -w 3\n"
        #expect(Answer("-R", input: text, director: director).errors == "")
        #expect(Answer("-S -n", director: director).output == text)
    }

    @Test func listedAfterTheClassicFlags() {
        let director = MockDirector()
        let rules = """
            -A -t 10.9.0.1:8000-8099,443 -s rr -p 60 --local-address 10.1.0.1-10.1.0.9 --no-toa --mss-clamp auto --timeout-tcp 30
            -a -t 10.9.0.1:443,8000-8099 -r 10.2.0.11 --fullnat
            """
        #expect(Answer("-R", input: rules, director: director).status == 0)
        #expect(
            Answer("-Ln -t 10.9.0.1:8000-8099,443", director: director).output == """
                Prot LocalAddress:Port Scheduler Flags
                  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
                TCP  10.9.0.1:443,8000-8099 rr persistent 60 local-address 10.1.0.1-10.1.0.9 no-toa mss-clamp auto timeout-tcp 30
                  -> 10.2.0.11:0                  FullNAT 1      0          0         \n
                """)
        #expect(Answer("-D -t 10.9.0.1:443,8000-8099", director: director).status == 0)
    }
}
