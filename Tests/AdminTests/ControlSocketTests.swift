import Admin
import CLinux
import Glibc
import LVS
import Testing
import Wire

@Suite struct ControlSocket {
    @Test func aClientChangesAndLists() throws {
        let bench = try ControlBench()
        let client = try ControlClient(path: bench.path)
        let (key, server) = (ControlExamples.v4, ServerKey(address: IPAddress("10.2.0.11")!, port: 80))
        try client.apply(.addService(key, ServiceSettings(scheduler: "rr")))
        try client.apply(.addServer(key, server, ServerSettings(method: .fullNAT, weight: 3)))
        #expect(throws: ControlFailure.refused(.serviceExists)) { try client.apply(.addService(key, ServiceSettings())) }
        #expect(throws: ControlFailure.refused(.notFound)) {
            try client.apply(.addService(ControlExamples.v6, ServiceSettings(scheduler: "x")))
        }
        #expect(throws: ControlFailure.refused(.serverExists)) { try client.apply(.addServer(key, server, ServerSettings())) }
        #expect(throws: ControlFailure.refused(.outOfRange)) { try client.apply(.addServer(key, server, ServerSettings(weight: -1))) }
        #expect(throws: ControlFailure.refused(.noSuchService)) { try client.apply(.deleteService(ControlExamples.mark)) }
        #expect(throws: ControlFailure.refused(.daemonNotRunning)) { try client.apply(.stopDaemon(.master)) }
        try client.apply(.setTimeouts(tcp: 60, fin: 0, udp: 0))
        let inventory = try client.inventory()
        #expect(inventory.timeouts == Timeouts(tcp: 60, fin: 120, udp: 300))
        #expect(inventory.services.map(\.key) == [key])
        #expect(inventory.services[0].servers.map(\.settings) == [ServerSettings(method: .fullNAT, weight: 3)])
        #expect(try client.inventory(of: key).services == inventory.services)
        #expect(throws: ControlFailure.refused(.noSuchService)) { _ = try client.inventory(of: ControlExamples.mark) }
        #expect(bench.stop().state.services.count == 1)
    }

    /// Each is carried out whatever became of those before it, and each answer is its own.
    @Test func severalCommandsTravelTogether() throws {
        let bench = try ControlBench()
        let client = try ControlClient(path: bench.path)
        let key = ControlExamples.v4
        let servers = (1...40).map { ServerKey(address: IPAddress(v4: 0x0a02_0000 + $0), port: 80) }
        let add = Command.addService(key, ServiceSettings(scheduler: "rr"))
        let commands =
            [add, add] + servers.map { .addServer(key, $0, ServerSettings()) } + [
                .deleteService(ControlExamples.mark), .stopDaemon(.master),
            ]
        let failures = client.apply(commands)
        #expect(failures.count == commands.count && failures[2..<42].allSatisfy { $0 == nil } && failures[0] == nil)
        #expect(failures[1] == .refused(.serviceExists) && failures[42] == .refused(.noSuchService))
        #expect(failures[43] == .refused(.daemonNotRunning))
        #expect(try client.inventory().services[0].servers.map(\.key) == servers.reversed())
        // More than one packet holds.
        let addresses = (0..<64).map { IPAddress(v4: 0x0a01_0000 + 2 * $0)...IPAddress(v4: 0x0a01_0000 + 2 * $0) }
        var settings = ServiceSettings(scheduler: "rr")
        settings.localAddresses = addresses
        let wide = (1...100).map { Command.addService(ServiceKey(mark: $0, family: .v4), settings) }
        #expect(client.apply(wide).allSatisfy { $0 == nil })
        #expect(bench.stop().seen == commands + wide)
        // Nobody is there any more: the first one says so, and the others are not asked for.
        #expect(client.apply(commands).count == 1)
    }

    @Test func everythingTravels() throws {
        let bench = try ControlBench(MemoryDirector(state: ControlExamples.inventory))
        #expect(try ControlClient(path: bench.path).inventory() == ControlExamples.inventory)
        _ = bench.stop()
    }

    @Test func aLargeTableTravelsInPieces() throws {
        let rows = (0..<20_000).map { i in
            var row = ControlExamples.connections[i % 4]
            row.expires = UInt32(i)
            return row
        }
        let bench = try ControlBench(MemoryDirector(table: rows))
        #expect(try ControlClient(path: bench.path).connections() == rows)
        _ = bench.stop()
    }

    @Test func questionsAreAnsweredInPieces() throws {
        let bench = try ControlBench()
        let client = try ControlClient(path: bench.path)
        #expect(try client.text(.explain(packet: "abc", .text)) == "cba")
        #expect(try client.text(.explain(packet: "", .json)) == "")
        #expect(try client.chunk(.recorded) == .init(hasMore: true, bytes: (0..<300_000).map { UInt8($0 % 251) }))
        #expect(throws: ControlFailure.denied(errno: EINVAL, #"["x"]: no addresses"#)) {
            _ = try client.startRecording(.init(clients: ["x"]))
        }
        #expect(throws: ControlFailure.denied(errno: EMSGSIZE, "a question to svs run has at most 60000 bytes")) {
            _ = try client.text(.explain(packet: String(repeating: "x", count: 60_000), .text))
        }
        // A reply of another kind than the question has is no reply.
        #expect(throws: ControlFailure.self) { _ = try client.endRecording() }
        _ = bench.stop()
    }

    @Test func whatTheSocketFileSays() throws {
        let bench = try ControlBench()
        var file = stat()
        #expect(stat(bench.path, &file) == 0 && file.st_mode & 0o777 == 0o600)
        #expect(throws: ControlError(path: bench.path, errno: EADDRINUSE, reason: "another svs answers there")) {
            _ = try ControlServer(path: bench.path)
        }
        let client = try ControlClient(path: bench.path)
        _ = bench.stop()
        #expect(stat(bench.path, &file) == -1)
        let error = #expect(throws: ControlFailure.self) { _ = try client.inventory() }
        #expect(error?.description == bench.path + ": svs run closed the connection")
        #expect(throws: ControlError(path: bench.path, errno: ENOENT, reason: "there is no such socket; is svs run running?")) {
            _ = try ControlClient(path: bench.path)
        }
    }

    /// A director that hangs is not waited for for ever.
    @Test func silenceIsSaid() throws {
        let folder = temporaryFolder()
        let path = folder + "/svs.sock"
        var (device, inode) = (UInt64(0), UInt64(0))
        let listener = svs_control_listen(path, -1, &device, &inode)
        defer { close(listener); svs_control_unlink(path, device, inode); rmdir(folder) }
        let client = try ControlClient(path: path, patience: 1)
        let error = #expect(throws: ControlFailure.self) { _ = try client.inventory() }
        #expect(error?.description == path + ": svs run has not answered for 1 s (--timeout SECONDS waits longer)")
    }

    @Test func aSocketFileThatNobodyListensAtIsReplaced() throws {
        let folder = temporaryFolder()
        let path = folder + "/svs.sock"
        var (device, inode) = (UInt64(0), UInt64(0))
        close(svs_control_listen(path, -1, &device, &inode))
        let error = #expect(throws: ControlError.self) { _ = try ControlClient(path: path) }
        #expect(error?.description == path + ": nobody listens there; is svs run running?")
        let server = try ControlServer(path: path)
        let client = try ControlClient(path: path)
        _ = client
        server.close()
        // A file that is no socket is left alone.
        close(open(path, O_CREAT | O_WRONLY, 0o600))
        #expect(throws: ControlError(path: path, errno: ENOTSOCK, reason: "there is a file that is no socket")) {
            _ = try ControlServer(path: path)
        }
        #expect(unlink(path) == 0)
        #expect(throws: ControlError(path: folder + "/none/svs.sock", errno: ENOENT, reason: "its folder does not exist")) {
            _ = try ControlServer(path: folder + "/none/svs.sock")
        }
        let long = "/tmp/" + String(repeating: "x", count: 110)
        #expect(throws: ControlError(path: long, errno: ENAMETOOLONG, reason: "a socket's path has at most 107 bytes")) {
            _ = try ControlServer(path: long)
        }
        rmdir(folder)
    }

    @Test func portRangesAreSeenUnderTheirFirstPortByOthers() throws {
        let bench = try ControlBench()
        let client = try ControlClient(path: bench.path)
        try client.apply(.addService(ControlExamples.ranged, ServiceSettings(scheduler: "rr")))
        var shown = ControlExamples.ranged
        shown.ranges = []
        #expect(throws: ControlFailure.refused(.noSuchService)) { try client.apply(.deleteService(shown)) }
        let raw = try RawClient(bench.path)
        let answers = try raw.ask(command: 3, flags: 5) { out in
            out.nest(1) {
                $0.put(1, u16: 2)
                $0.put(2, u16: 17)
                $0.put(3, bytes: [10, 9, 0, 2])
                $0.put(4, big16: 80)
            }
        }
        #expect(answers.first?.refusal?.errno == 0)
        #expect(bench.stop().seen.last == .deleteService(ControlExamples.ranged))
    }
}
