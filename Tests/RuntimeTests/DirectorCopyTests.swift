import CLinux
import Foundation
import LVS
import Testing
import Wire

@testable import Runtime

/// A fork whose director's memory others share works on a copy of it.
@Suite struct DirectorCopyTests {
    private static let place = [UInt8](repeating: 3, count: 32)
    private static let key = ServiceKey(proto: IPProtocol.tcp, address: IPAddress(v4: 0xc000_0201), port: 80)
    private static let server = ServerKey(address: IPAddress(v4: 0x0a00_0002), port: 80)

    /// A service with one server and one connection that lives for a minute.
    private func fill(_ director: inout Director) throws {
        try director.apply(.addService(Self.key, ServiceSettings()))
        try director.apply(.addServer(Self.key, Self.server, ServerSettings()))
        var snapshot = Snapshot()
        var connection = Connection(
            client: IPAddress(v4: 0xc633_6407), clientPort: 4000, virtual: Self.key.address, virtualPort: 80, proto: IPProtocol.tcp,
            serverAddress: Self.server.address, serverPort: 80, method: .directRouting)
        connection.expires = 60_000_000_000
        snapshot.entries = [.init(number: 0, connection: connection, server: .init(Self.key, Self.server))]
        try director.restore(snapshot)
    }

    /// Memory that processes share, with a page of flags behind the state.
    private func share(_ size: Int) throws -> UnsafeMutableRawBufferPointer {
        let start = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        return UnsafeMutableRawBufferPointer(start: try #require(start != MAP_FAILED ? start : nil), count: size)
    }

    @Test func neitherSeesWhatTheOtherDoes() throws {
        let size = StateMemory.size(connections: 1000)
        let memory = try share(size + 4096)
        defer { munmap(memory.baseAddress, memory.count) }
        let region = UnsafeMutableRawBufferPointer(rebasing: memory[..<size])
        var director = Director(in: StateMemory(fresh: region, connections: 1000, seed: 1, place: Self.place))
        try fill(&director)
        var pipe: Int32 = -1
        let child = DirectorCopy.fork(&pipe, seconds: 10, director)
        if child == 0 {
            // The parent's connection has gone, the child's has not; then the child's goes too.
            while memory[size] == 0 { usleep(100) }
            var counts = [UInt8(director.connectionRecords().count)]
            director.advance(to: 100_000_000_000)
            counts.append(UInt8(director.connectionRecords().count))
            svs_fork_end(pipe, counts, counts.count)
        }
        try #require(child > 0)
        defer {
            close(pipe)
            waitpid(child, nil, 0)
        }
        #expect(director.connectionRecords().count == 1)
        director.advance(to: 100_000_000_000)
        #expect(director.connectionRecords().isEmpty)
        memory[size] = 1
        var counts: [UInt8] = [9, 9]
        #expect(read(pipe, &counts, 2) == 2)
        #expect(counts == [1, 0])
    }

    @Test func aCopyHoldsWhatIsInUse() throws {
        let region = try share(StateMemory.size(connections: 1000))
        defer { munmap(region.baseAddress, region.count) }
        var director = Director(in: StateMemory(fresh: region, connections: 1000, seed: 1, place: Self.place))
        try fill(&director)
        let spans = director.spansInUse()
        #expect(spans.allSatisfy { $0.lowerBound >= 0 && $0.upperBound <= region.count })
        #expect(zip(spans, spans.dropFirst()).allSatisfy { $0.upperBound <= $1.lowerBound })
        let copy = Slab<UInt8>(capacity: region.count)
        for span in spans { copy.view.memory[span].copyBytes(from: region[span]) }
        var next = Director(in: try StateMemory(existing: copy.view.memory, place: Self.place))
        try next.apply(.addService(Self.key, ServiceSettings()))
        try next.apply(.addServer(Self.key, Self.server, ServerSettings()))
        #expect(next.adopt().connections == 1)
        #expect(next.connectionRecords() == director.connectionRecords())
    }
}
