import Admin
import LVS
import Testing

/// What `Adm` says beside what the transcripts hold.
@Suite struct AdmTexts {
    private struct Broken: ChannelFailure {
        var refusal: Int32?
        var description: String { "/run/svs.sock: nobody listens there" }
    }

    private func run(_ line: String, input: [String] = [], refusal: Int32? = nil) -> (status: Int32, output: String, errors: String) {
        var (output, errors, lines) = ("", "", input[...])
        let connect: () throws(Broken) -> FailingChannel = { () throws(Broken) in
            guard refusal != nil else { throw Broken() }
            return FailingChannel(errno: refusal ?? 0)
        }
        let status = Adm(
            connect: connect, names: HostFiles(), input: { lines.popFirst() }, output: { output += $0 },
            errors: { errors += $0 }
        ).run(Transcript.shellWords(line[...]))
        return (status, output, errors)
    }

    /// A director that refuses everything.
    private struct FailingChannel: ControlChannel {
        var errno: Int32
        func apply(_ command: Command) throws(Broken) { throw Broken(refusal: errno) }
        func inventory() throws(Broken) -> Inventory { throw Broken(refusal: errno) }
        func inventory(of key: ServiceKey) throws(Broken) -> Inventory { throw Broken(refusal: errno) }
        func connections(_ each: (ConnectionRecord) -> Void) throws(Broken) { throw Broken(refusal: errno) }
    }

    @Test func noDirector() {
        let answer = run("-Ln")
        #expect(answer.status == 2)
        #expect(answer.errors == "Can't initialize ipvs: /run/svs.sock: nobody listens there\n")
        // A restore ends with it, and help needs no director.
        #expect(run("-R", input: ["-C", "-C"]).errors == answer.errors)
        #expect(run("--help").status == 0)
        #expect(run("-v").output == "ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)\n")
    }

    @Test func theHintNamesTheProgram() {
        func hint(_ program: String?) -> String {
            var errors = ""
            let connect: () throws(Broken) -> FailingChannel = { () throws(Broken) in throw Broken() }
            let adm = Adm(
                connect: connect, names: HostFiles(), program: program ?? "ipvsadm", input: { nil }, output: { _ in },
                errors: { errors += $0 })
            #expect(adm.run(["nosuch"]) == 255)
            return errors
        }
        #expect(hint("svs adm") == "Try `svs adm -h' or 'svs adm --help' for more information.\n")
        #expect(hint(nil) == "Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n")
    }

    @Test(arguments: [("verfy", "verify"), ("exlpain", "explain"), ("adn", "adm"), ("dance", nil), ("", nil), ("x", nil)])
    func mistypedWordsAreRecognised(_ word: String, _ meant: String?) {
        #expect(Resemblance.nearest(to: word, among: ["run", "adm", "replay", "explain", "verify", "record", "pcap", "decap"]) == meant)
    }

    @Test func countsAgreeWithTheirNouns() {
        #expect([0, 1, 2].map { counted($0, "case") } == ["0 cases", "1 case", "2 cases"])
    }

    @Test func notRoot() {
        let answer = run("-C", refusal: 1)
        #expect(answer.status == 2)
        #expect(
            answer.errors == "Can't initialize ipvs: Permission denied (you must be root)\n"
                + "Are you sure that IP Virtual Server is built in the kernel or as module?\n")
    }

    @Test(
        arguments: [
            (92, "Protocol not available"), (12, "Memory allocation problem"), (95, "Operation not supported with IPv6"),
            (97, "Operation not supported with specified address family"), (90, "Module is wrong version"),
            (19, "No such device"), (34, "Numerical result out of range"),
        ] as [(Int32, String)])
    func refusals(_ errno: Int32, _ text: String) {
        let answer = run("-C", refusal: errno)
        #expect(answer.status == 255)
        #expect(answer.errors == text + "\n")
        #expect(run("-Ln", refusal: errno).status == 1)
    }

    /// Help names every command and option there is, and every scheduler.
    @Test func helpIsComplete() {
        let help = run("-h").output
        for option in Grammar.names { #expect(help.contains("--" + option), "\(option)") }
        for type in Schedulers.roster { #expect(help.contains(" \(type.name) "), "\(type.name)") }
        #expect(help.split(separator: "\n").allSatisfy { $0.utf8.count <= 110 })
    }

    /// `-R` as the original reads lines: CR is a blank, the word ipvsadm is dropped wherever it stands, a word has at most 4096 bytes.
    @Test(
        arguments: [
            ("-A -t 10.9.0.1:80 -s rr\r", 0, ""),
            ("ipvsadm ipvsadm -A ipvsadm -f 1", 0, ""),
            ("-A -f 1 -s ipvsadm", 255, "-s: missing argument\n"),
            ("-A -t\u{b}10.9.0.1:80 -s rr", 2, "illegal virtual server address[:port] specified\n"),
            ("-C\r-Z", 2, "invalid option `-Z'\n"),
            ("-C " + String(repeating: "x", count: 5000), 2, "unexpected argument " + String(repeating: "x", count: 4096) + "\n"),
            ("#-C", 255, "Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n"),
            ("# -C", 2, "unexpected argument #\n"),
            ("-R", 255, "Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n"),
            ("\\", 255, "Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n"),
        ] as [(String, Int32, String)])
    func restoredLines(_ line: String, _ status: Int32, _ errors: String) {
        let answer = Answer("-R", input: line, director: MockDirector())
        #expect(answer.status == status)
        #expect(answer.errors == errors)
    }

    /// Which servers are single hosts, as kernel 6.1.192 answered; 127.255.255.255 is the broadcast address of `lo`.
    @Test(arguments: [
        ("10.9.0.1:80", "0.1.2.3", true), ("10.9.0.1:80", "240.0.0.1", true), ("10.9.0.1:80", "127.0.0.0", true),
        ("10.9.0.1:80", "127.255.255.255", false), ("10.9.0.1:80", "0.0.0.0", false), ("10.9.0.1:80", "224.0.0.1", false),
        ("10.9.0.1:80", "255.255.255.255", false), ("[2001:db8::1]:80", "[::1.2.3.4]:80", true), ("[2001:db8::1]:80", "[fec0::1]:80", true),
        ("[2001:db8::1]:80", "[fe80::1]:80", false), ("[2001:db8::1]:80", "[ffff::1]:80", false), ("[2001:db8::1]:80", "[::]:80", false),
        ("[2001:db8::1]:80", "[::ffff:10.2.0.1]:80", false),
    ])
    func serversOfTheEngine(_ service: String, _ server: String, _ isTaken: Bool) {
        let director = EngineDirector()
        #expect(Answer("-A -t \(service)", director: director).status == 0)
        let answer = Answer("-a -t \(service) -r \(server)", director: director)
        #expect(answer.errors == (isTaken ? "" : "Invalid operation.  Possibly wrong module version, address not unicast, ...\n"))
        #expect(answer.status == (isTaken ? 0 : 255))
    }

    /// An IPv4-mapped address is a service of IPv6 beside that of IPv4.
    @Test func mappedService() {
        let director = EngineDirector()
        let rules = "-A -t [::ffff:10.9.0.1]:80 -s rr\n-A -t 10.9.0.1:80 -s wrr\n"
        #expect(Answer("-R", input: rules, director: director).errors == "")
        #expect(Answer("-S -n", director: director).output == "-A -t 10.9.0.1:80 -s wrr\n-A -t [::ffff:10.9.0.1]:80 -s rr\n")
        #expect(Answer("-D -t [::ffff:a09:1]:80", director: director).status == 0)
        #expect(Answer("-S -n", director: director).output == "-A -t 10.9.0.1:80 -s wrr\n")
    }

    /// A daemon is listed with the numbers it runs with: lo carries 65536 bytes, a backup takes at least 1024.
    @Test func daemonNumbers() {
        let director = EngineDirector()
        let words = "--start-daemon backup --mcast-interface lo --sync-maxlen 100\n--start-daemon master --mcast-interface lo\n"
        #expect(Answer("-R", input: words, director: director).errors == "")
        #expect(
            Answer("-L --daemon", director: director).output == """
                master sync daemon (mcast=lo, syncid=0, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)
                backup sync daemon (mcast=lo, syncid=0, maxlen=1024, group=224.0.0.81, port=8848, ttl=1)

                """)
    }
}
