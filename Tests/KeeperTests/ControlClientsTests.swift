import Admin
import CLinux
import Glibc
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
        #expect(clients.descriptor(of: 1) != nil && clients.descriptor(of: 3) == nil)
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
        #expect(try !clients.restore())
        #expect(unlink(path) == 0)
        #expect(try clients.restore())
        #expect(svs_control_connect(path, 0) >= 0 && clients.accept() == [2])
        #expect(clients.numbers == [1, 2] && svs_control_send(before, "x", 1) == 1)
        clients.close()
    }
}
