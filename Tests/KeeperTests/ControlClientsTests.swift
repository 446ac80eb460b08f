import Admin
import CLinux
import Glibc
import Linux
import Runtime
import Synchronization
import Testing

@testable import Keeper

struct ControlClientsTests {
    private static func path() -> String { "/tmp/svs-keeper-\(getpid())-\(UInt32.random(in: 0 ... .max))" }

    /// A client keeps its number and its descriptor until it is forgotten, whoever answers it.
    @Test func clientsAreNumberedAndKept() throws {
        let path = Self.path(), clients = try ControlClients(path: path, after: 0)
        let one = svs_control_connect(path, 0), other = svs_control_connect(path, 0)
        #expect(one >= 0 && other >= 0)
        #expect(clients.accept() == [1, 2] && clients.accept() == [] && clients.numbers == [1, 2])
        #expect(clients.client(1)?.onlyLooks == false && clients.client(3) == nil)
        clients.forget(1)
        #expect(clients.numbers == [2])
        close(one)
        #expect(svs_control_connect(path, 0) >= 0)
        #expect(clients.accept() == [3])
        clients.close()
        #expect(access(path, F_OK) != 0)
    }

    @Test func aRemovedControlSocketIsMadeAgain() throws {
        let path = Self.path(), clients = try ControlClients(path: path, after: 0)
        let before = svs_control_connect(path, 0)
        #expect(clients.accept() == [1])
        #expect(try clients.restore() == [])
        #expect(unlink(path) == 0)
        #expect(try clients.restore() == [path])
        #expect(svs_control_connect(path, 0) >= 0 && clients.accept() == [2])
        #expect(clients.numbers == [1, 2] && svs_control_send(before, "x", 1) == 1)
        clients.close()
    }

    /// Who comes by the other door is known for it, and the door belongs to the group.
    @Test func onlookersHaveADoorOfTheirOwn() throws {
        let path = Self.path(), clients = try ControlClients(path: path, after: 0)
        try clients.open(.init(path: path + ".monitor", group: getegid(), isAskedFor: true))
        #expect(clients.paths == [path, path + ".monitor"] && clients.listeners.count == 2)
        let looks = svs_control_connect(path + ".monitor", 0), commands = svs_control_connect(path, 0)
        #expect(looks >= 0 && commands >= 0)
        #expect(clients.accept() == [1, 2])
        #expect(clients.client(1)?.onlyLooks == false && clients.client(2)?.onlyLooks == true)
        #expect(Set(clients.legacy.map(\.name)) == ["control", "monitor", "client-1", "onlooker-2"])
        var file = stat()
        #expect(stat(path + ".monitor", &file) == 0 && file.st_mode & 0o777 == 0o660 && file.st_gid == getegid())
        #expect(stat(path, &file) == 0 && file.st_mode & 0o777 == 0o600)
        #expect(unlink(path + ".monitor") == 0)
        #expect(try clients.restore() == [path + ".monitor"])
        #expect(stat(path + ".monitor", &file) == 0 && file.st_mode & 0o777 == 0o660)
        clients.close()
        #expect(access(path, F_OK) != 0 && access(path + ".monitor", F_OK) != 0)
    }

    /// A place that nobody has asked for may be missing; one that was asked for may not.
    @Test(arguments: [true, false])
    func aMonitorSocketThatCannotBe(isAskedFor: Bool) throws {
        let path = Self.path(), lines = Said()
        var configuration = Keeper.Configuration(
            interfaces: [], link: "ring", files: RunFiles(), control: path, arguments: [], connections: 16, state: nil,
            log: Log { lines.add($0) })
        configuration.monitor = .init(path: "/proc/self/none/monitor", group: nil, isAskedFor: isAskedFor)
        if isAskedFor {
            #expect(throws: ControlError.self) { try ControlClients(configuration, inheriting: InheritedDescriptors([:])) }
        } else {
            let clients = try ControlClients(configuration, inheriting: InheritedDescriptors([:]))
            #expect(clients.paths == [path])
            #expect(lines.all == ["note: /proc/self/none/monitor: its folder does not exist; nobody but root can look on"])
            clients.close()
        }
    }

    private final class Said: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }
}
