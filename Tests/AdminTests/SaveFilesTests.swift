import Admin
import LVS
import Testing
import Wire

/// Rule files of `svs run` and edit files of replay cases.
@Suite struct SaveFiles {
    private static let key = ServiceKey(proto: IPProtocol.tcp, address: IPAddress(v4: 0x0a09_0001), port: 80)
    private static let server = ServerKey(address: IPAddress(v4: 0x0a02_000b), port: 80)

    @Test func rules() throws {
        let file = try ServicesFile(
            """
            # the shop
            -A -t 10.9.0.1:80 -s rr

              ipvsadm -a -t 10.9.0.1:80 -r 10.2.0.11 -w 3\r
            \t# nothing
            --set 0 0 20
            """, name: "services", names: HostFiles())
        #expect(
            file.rules == [
                .init(line: 2, command: .addService(Self.key, ServiceSettings(scheduler: "rr"))),
                .init(line: 4, command: .addServer(Self.key, Self.server, ServerSettings(weight: 3))),
                .init(line: 6, command: .setTimeouts(tcp: 0, fin: 0, udp: 20)),
            ])
    }

    @Test(arguments: [
        ("-C\n-A -t 10.9.0.1 -s rr", "f:2: Zero port specified for non-persistent service"),
        ("-A -t 10.9.0.1:80 -q", "f:1: -q: unknown option"),
        ("-A -f 1\n\nadd 10.9.0.1:80", "f:3: a rule begins with a command of ipvsadm, such as -A or -a, not `add'"),
        ("-L -n", "f:1: `-L' changes nothing: it is no rule"),
        ("-h", "f:1: `-h' changes nothing: it is no rule"),
        ("-A -6", "f:1: -6 used before -f"),
        ("-A -t 10.9.0.1:80 # web", "f:1: unexpected argument #"),
    ])
    func mistakes(_ text: String, _ message: String) {
        let error = #expect(throws: FileError.self) { try ServicesFile(text, name: "f", names: HostFiles()) }
        #expect(error?.description == message)
    }

    @Test func edits() throws {
        let file = try EditsFile(
            """
            12: -e -t 10.9.0.1:80 -r 10.2.0.11 -w 0
            # back again
            3:-C
            12: ipvsadm -d -t 10.9.0.1:80 -r 10.2.0.11
            5: address add 10.9.0.1/32 dev eth0
            """, name: "edits", names: HostFiles())
        #expect(
            file.edits == [
                .init(frame: 3, line: 3, change: .command(.flush)),
                .init(frame: 5, line: 5, change: .address(["address", "add", "10.9.0.1/32", "dev", "eth0"])),
                .init(frame: 12, line: 1, change: .command(.editServer(Self.key, Self.server, ServerSettings(weight: 0)))),
                .init(frame: 12, line: 4, change: .command(.deleteServer(Self.key, Self.server))),
            ])
    }

    @Test(arguments: [
        ("-C", "f:1: an edit is `INDEX: ipvsadm arguments' or `INDEX: address add|del ADDRESS/LENGTH dev NAME'"),
        ("x: -C", "f:1: an edit is `INDEX: ipvsadm arguments' or `INDEX: address add|del ADDRESS/LENGTH dev NAME'"),
        ("-1: -C", "f:1: an edit is `INDEX: ipvsadm arguments' or `INDEX: address add|del ADDRESS/LENGTH dev NAME'"),
        ("1: -C\n2:", "f:2: no command behind the index"),
        ("1: -D", "f:1: You need to supply the 'service-address' option for the 'delete-service' command"),
        ("1: address flush dev eth0", "f:1: address: expected add or del"),
        ("1: -t 10.9.0.1:80", "f:1: a rule begins with a command of ipvsadm, such as -A or -a, not `-t'"),
    ])
    func wrongEdits(_ text: String, _ message: String) {
        let error = #expect(throws: FileError.self) { try EditsFile(text, name: "f", names: HostFiles()) }
        #expect(error?.description == message)
    }
}
