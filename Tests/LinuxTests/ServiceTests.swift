import CLinux
import Glibc
import Linux
import Testing

struct ServiceTests {
    /// Hears what is said to a supervisor.
    private final class Ear {
        let path = "/tmp/svs-supervisor-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)

        init() {
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let result = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
            }
            #expect(result == 0)
        }

        deinit {
            close(descriptor)
            unlink(path)
        }

        /// The next message, with the descriptors that came beside it.
        func hear() -> (text: String, descriptors: [Int32]) {
            var bytes = [UInt8](repeating: 0, count: 4096), descriptors = [Int32](repeating: -1, count: 8), count = Int32(8)
            let length = svs_channel_receive(descriptor, &bytes, bytes.count, &descriptors, &count, 0)
            guard length >= 0 else { return ("", []) }
            return (String(decoding: bytes[..<Int(length)], as: UTF8.self), Array(descriptors[..<Int(count)]))
        }
    }

    @Test func aSupervisorHearsLines() {
        let ear = Ear(), supervisor = ServiceSupervisor(["NOTIFY_SOCKET": ear.path, "WATCHDOG_USEC": "3000000"])
        #expect(supervisor.isThere && supervisor.watchdog == 3_000_000_000)
        supervisor.tell(.ready, .status("two\nlines"))
        #expect(ear.hear().text == "READY=1\nSTATUS=two lines")
        supervisor.tell(.alive)
        #expect(ear.hear().text == "WATCHDOG=1")
        supervisor.tell(.stopping)
        #expect(ear.hear().text == "STOPPING=1")
        supervisor.tell(.mainProcess(7))
        #expect(ear.hear().text == "MAINPID=7")
        let before = svs_clock() / 1000
        supervisor.tell(.reloading)
        let lines = ear.hear().text.split(separator: "\n")
        #expect(lines.first == "RELOADING=1")
        let time = lines.last.flatMap { UInt64($0.dropFirst("MONOTONIC_USEC=".count)) } ?? 0
        #expect((before...svs_clock() / 1000).contains(time))
        #expect(ear.hear().text == "")
    }

    @Test func descriptorsAreKeptByName() {
        let ear = Ear(), supervisor = ServiceSupervisor(["NOTIFY_SOCKET": ear.path])
        #expect(supervisor.watchdog == nil)
        supervisor.keep([0, 1], as: "two")
        let message = ear.hear()
        #expect(message.text == "FDSTORE=1\nFDNAME=two" && message.descriptors.count == 2)
        for descriptor in message.descriptors { close(descriptor) }
        supervisor.forget("two")
        #expect(ear.hear().text == "FDSTOREREMOVE=1\nFDNAME=two")
    }

    @Test func withoutASupervisorNothingIsSaid() {
        let nobody = ServiceSupervisor([:]), deaf = ServiceSupervisor(["NOTIFY_SOCKET": "/nonexistent/socket"])
        #expect(!nobody.isThere && nobody.watchdog == nil)
        nobody.tell(.ready)
        deaf.tell(.ready)
        #expect(ServiceSupervisor(["WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"]).watchdog == nil, "another process is watched")
    }

    @Test func descriptorsAreInheritedByName() {
        let numbers = (0..<3).map { _ in dup(0) }
        let text = "\(numbers[0]):one,\(numbers[1]):link-a:b,\(numbers[2]):link-c,9999:gone,2:error,nothing,:,x:y"
        let earlier = InheritedDescriptors([InheritedDescriptors.variable: text])
        #expect(earlier.all.map(\.name) == ["one", "link-a:b", "link-c"])
        #expect(fcntl(numbers[0], F_GETFD) == FD_CLOEXEC)
        #expect(earlier.take("one")?.number == numbers[0] && earlier.take("one") == nil)
        #expect(fcntl(numbers[0], F_GETFD) == -1, "nobody holds it")
        #expect(earlier.takeAll("link-").map(\.name) == ["a:b", "c"])
        #expect(earlier.closeRest() == [])
        #expect(InheritedDescriptors(["LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "x"]).all.isEmpty)
        #expect(InheritedDescriptors([:]).all.isEmpty)
    }

    @Test func aProgramIsFoundWhereItWasStarted() {
        let word = CommandLine.arguments[0]
        #expect(access(ProgramPath.own(word), X_OK) == 0)
        let other = ProgramPath.own("/bin/true"), missing = ProgramPath.own("no-such-program")
        #expect(other != "/bin/true" && other == missing && access(other, X_OK) == 0, "what is another program is not this one's path")
    }
}
