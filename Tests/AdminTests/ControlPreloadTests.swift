import Admin
import Glibc
import LVS
import Testing
import Wire

/// The unmodified ipvsadm with the preload library in front of it, against a control server.
@Suite(.serialized) struct ControlPreload {
    static let ipvsadm = "/usr/sbin/ipvsadm"
    static let isInstalled: Bool = {
        let found = access(ipvsadm, X_OK) == 0
        if !found { print("\(ipvsadm) is not installed: that the preload library carries it is not tested here") }
        return found
    }()

    /// The library beside the test bundle, as the package's build leaves it.
    static func library() throws -> String {
        let maps = try #require(fopen("/proc/self/maps", "r"))
        defer { fclose(maps) }
        var line = [CChar](repeating: 0, count: 4096)
        while fgets(&line, 4096, maps) != nil {
            let names = line.prefix { $0 != 0 }.split(separator: 0x2f).map {
                String(decoding: $0.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            }
            guard let bundle = names.firstIndex(where: { $0.hasSuffix(".xctest") || $0.hasSuffix(".xctest\n") }) else { continue }
            let library = "/" + names[1..<bundle].joined(separator: "/") + "/libsvs-ipvs.so"
            if access(library, R_OK) == 0 { return library }
        }
        throw Missing()
    }
    struct Missing: Error, CustomStringConvertible {
        var description: String { "libsvs-ipvs.so is not built: swift build --product svs-ipvs" }
    }

    /// Exit status and everything that the program printed.
    static func run(_ words: [String], control: String) throws -> (status: Int32, text: String) {
        var template = Array("/tmp/svs-ipvsadm.XXXXXX".utf8CString)
        let output = mkstemp(&template)
        unlink(template.map { $0 })
        defer { close(output) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        let environment = ["LD_PRELOAD=" + (try library()), "SVS_CONTROL=" + control, "PATH=/usr/sbin:/usr/bin:/bin"]
        var child: pid_t = 0
        var argv = words.map { strdup($0) } + [nil]
        var envp = environment.map { strdup($0) } + [nil]
        defer { for word in argv + envp { free(word) } }
        try #require(posix_spawn(&child, words[0], &actions, nil, &argv, &envp) == 0)
        var status: Int32 = 0
        var waited = 0
        while waitpid(child, &status, WNOHANG) == 0 {
            usleep(5000)
            waited += 1
            if waited == 6000 { kill(child, SIGKILL) }
        }
        if waited >= 6000 { return (-1, "still waiting after 30 seconds") }
        lseek(output, 0, SEEK_SET)
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(output, &buffer, buffer.count)
            guard count > 0 else { break }
            text += buffer.prefix(count)
        }
        return (status >> 8 & 0xff, String(decoding: text, as: UTF8.self))
    }

    private func ipvsadm(_ line: String, _ bench: ControlBench) throws -> (status: Int32, text: String) {
        try Self.run([Self.ipvsadm] + line.split(separator: " ").map { String($0) }, control: bench.path)
    }

    @Test(.enabled(if: isInstalled)) func ipvsadmFillsAndLists() throws {
        let bench = try ControlBench()
        for line in [
            "-A -t 10.9.0.1:80 -s rr",
            "-a -t 10.9.0.1:80 -r 10.2.0.11:8080 -m -w 3 -x 100 -y 50",
            "-a -t 10.9.0.1:80 -r 10.2.0.14:80 -i --tun-type gue --tun-port 6080 --tun-csum",
            "-A -t [2001:db8::80]:443 -s wlc -p 300 -M 96",
            "-a -t [2001:db8::80]:443 -r [2001:db8::1111:2222:3333:4444]:443 -w 2",
            "-A -f 7 -s mh -b mh-fallback -p 99",
            "-A -u 10.9.0.1:53 -s sh -o -b sh-port",
            "-e -t 10.9.0.1:80 -r 10.2.0.11:8080 -m -w 0",
            "--set 60 0 30",
            "--start-daemon backup --mcast-interface d1 --mcast-group 224.1.2.3 --mcast-port 1234 --mcast-ttl 3 --sync-maxlen 1024",
        ] {
            #expect(try ipvsadm(line, bench) == (0, ""), "\(line)")
        }
        #expect(
            try ipvsadm("-Ln", bench).text == """
                IP Virtual Server version 1.2.1 (size=4096)
                Prot LocalAddress:Port Scheduler Flags
                  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
                TCP  10.9.0.1:80 rr
                  -> 10.2.0.11:8080               Masq    0      0          0        \u{20}
                  -> 10.2.0.14:80                 Tunnel  1      0          0        \u{20}
                UDP  10.9.0.1:53 sh (sh-port) ops
                TCP  [2001:db8::80]:443 wlc persistent 300 mask 96
                  -> [2001:db8::1111:2222:3333:4444]:443 Route   2      0          0        \u{20}
                FWM  7 mh (mh-fallback) persistent 99

                """)
        #expect(try ipvsadm("-Ln --tun-info -t 10.9.0.1:80", bench).text.contains("Tunnel  gue:6080:+c   1"))
        #expect(try ipvsadm("-L --timeout", bench).text == "Timeout (tcp tcpfin udp): 60 120 30\n")
        #expect(
            try ipvsadm("-L --daemon", bench).text
                == "backup sync daemon (mcast=d1, syncid=0, maxlen=1024, group=224.1.2.3, port=1234, ttl=3)\n")
        #expect(try ipvsadm("-Z", bench) == (0, ""))
        #expect(try ipvsadm("-D -f 7", bench) == (0, ""))
        #expect(try ipvsadm("-C", bench) == (0, ""))
        #expect(bench.stop().state.services.isEmpty)
    }

    @Test(
        .enabled(if: isInstalled),
        arguments: [
            ("-A -t 10.9.0.1:80 -s rr", 255, "Service already exists\n"),
            ("-A -t 10.9.0.9:80 -s xx", 255, "Scheduler or persistence engine not found\n"),
            ("-D -t 10.9.0.9:80", 255, "No such service\n"),
            ("-a -t 10.9.0.9:80 -r 10.2.0.11", 255, "Service not defined\n"),
            ("-a -t 10.9.0.1:80 -r 10.2.0.11", 255, "Destination already exists\n"),
            ("-d -t 10.9.0.1:80 -r 10.2.0.12", 255, "No such destination\n"),
            ("-L -t 10.9.0.9:80", 1, "No such service\n"),
            ("--stop-daemon backup", 255, "No daemon is running\n"),
        ])
    func ipvsadmSaysWhatIsWrong(_ line: String, _ status: Int32, _ text: String) throws {
        var director = MemoryDirector()
        director.state.services = [
            ServiceRecord(
                key: ControlExamples.v4, settings: ServiceSettings(scheduler: "rr"),
                servers: [
                    ServerRecord(key: ServerKey(address: IPAddress("10.2.0.11")!, port: 80), settings: ServerSettings())
                ])
        ]
        let bench = try ControlBench(director)
        #expect(try ipvsadm(line, bench) == (status, text))
        _ = bench.stop()
    }

    @Test(.enabled(if: isInstalled)) func ipvsadmListsConnectionsAndCounters() throws {
        var director = MemoryDirector(table: ControlExamples.connections)
        director.state.services = [
            ServiceRecord(
                key: ControlExamples.v4, settings: ServiceSettings(scheduler: "rr"),
                statistics: ControlExamples.statistics)
        ]
        let bench = try ControlBench(director)
        #expect(
            try ipvsadm("-Lnc", bench).text == """
                IPVS connection entries
                pro expire state       source             virtual            destination
                TCP 14:59  ESTABLISHED 192.0.2.2:1001     10.9.0.1:2001      10.2.0.13:2001
                IP  00:29  NONE        203.0.113.2:0      0.0.0.51:0         10.2.0.12:0
                UDP 00:59  NONE        192.0.2.1:0        10.9.0.1:5060      10.2.0.12:5060
                SCTP 14:51  ESTABLISHED [2001:db8:c::7]:103 [2001:db8:9::1]:80 [2001:db8:2::11]:80

                """)
        #expect(try ipvsadm("-Lnc --persistent-conn", bench).text.contains("10.2.0.12:5060   sip                abc@1"))
        #expect(try ipvsadm("-Ln --stats --exact", bench).text.contains("143 4294967475"))
        #expect(try Self.run(["/bin/cat", "/proc/net/ip_vs"], control: bench.path).text.contains("TCP  0A090001:0050 rr  \n"))
        _ = bench.stop()
    }

    @Test(.enabled(if: isInstalled)) func aListOfManyServicesComesInPieces() throws {
        var director = MemoryDirector()
        director.state.services = (1...500).map { i in
            ServiceRecord(
                key: ServiceKey(mark: UInt32(i), family: .v4), settings: ControlExamples.full,
                servers: [
                    ServerRecord(key: ServerKey(address: IPAddress("10.2.0.11")!, port: UInt16(i)), settings: ServerSettings())
                ])
        }
        let bench = try ControlBench(director)
        #expect(try ipvsadm("-Ln", bench).text.split(separator: "\n").count == 3 + 1000)
        _ = bench.stop()
    }

    @Test(.enabled(if: isInstalled)) func withoutADirectorTheKernelIsAsked() throws {
        let (status, text) = try Self.run([Self.ipvsadm, "-Ln"], control: "/tmp/svs-nobody-\(getpid()).sock")
        guard access("/proc/net/ip_vs", F_OK) != 0 else {
            print("this kernel has IPVS of its own: what ipvsadm says without one is not tested here")
            return
        }
        #expect(status != 0)
        #expect(text.contains("Can't initialize ipvs") || text.contains("Can't load"))
    }
}
