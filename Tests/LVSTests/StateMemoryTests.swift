import Testing
import Wire

@testable import LVS

/// Memory that is no state of this director's is refused, and the refusal says why.
@Suite struct StateMemoryTests {
    private static let connections = 64

    /// A state in memory of its own.
    private final class OwnMemory {
        let slab = Slab<UInt8>(capacity: StateMemory.size(connections: StateMemoryTests.connections))
        var bytes: UnsafeMutableRawBufferPointer { slab.view.memory }
        init() { _ = StateMemory(fresh: bytes, connections: StateMemoryTests.connections, seed: 77, place: TranslationFixture.place) }
    }

    private func refusal(of bytes: UnsafeMutableRawBufferPointer, _ connections: Int? = nil, place: [UInt8] = TranslationFixture.place)
        -> StateRefusal?
    {
        do throws(StateRefusal) { _ = try StateMemory(existing: bytes, connections: connections, place: place) } catch { return error }
        return nil
    }

    @Test func whatWasWrittenIsFoundAgain() throws {
        let region = OwnMemory()
        let memory = try StateMemory(existing: region.bytes, connections: Self.connections, place: TranslationFixture.place)
        #expect(memory.connections == Self.connections && memory.seed == 77)
    }

    @Test func whatDoesNotFitIsNamed() {
        let region = OwnMemory(), bytes = region.bytes
        #expect(refusal(of: UnsafeMutableRawBufferPointer(rebasing: bytes[..<40])) == .tooShort(40))
        let shorter = UnsafeMutableRawBufferPointer(rebasing: bytes[..<(bytes.count - 4096)])
        #expect(refusal(of: shorter) == .size(bytes.count - 4096, expected: bytes.count))
        #expect(refusal(of: bytes, 128) == .connections(64, wanted: 128))
        #expect(refusal(of: bytes, place: TranslationFixture.place.reversed()) == .place)
        #expect("\(refusal(of: bytes, 128)!)" == "it holds 64 connections, wanted are 128")
        let zero = Slab<UInt8>(capacity: 4096)
        #expect(refusal(of: zero.view.memory) == .noState)
    }

    /// Each byte of the header counts.
    @Test func aDamagedHeaderIsRefused() throws {
        let region = OwnMemory(), bytes = region.bytes
        let length = MemoryLayout<StateHeader>.size
        for place in 0..<length {
            bytes[place] ^= 0x41
            let refusal = refusal(of: bytes)
            switch place {
            case 0..<8: #expect(refusal == .noState)
            default: #expect(refusal == .damaged)
            }
            bytes[place] ^= 0x41
        }
        #expect(refusal(of: bytes) == nil)
    }

    /// A state that was begun and not finished is none.
    @Test func theHeaderIsWrittenLast() {
        let region = OwnMemory()
        region.bytes.storeBytes(of: UInt64(0), as: UInt64.self)
        #expect(refusal(of: region.bytes) == .noState)
    }

    @Test func theConnectionsBeginAtAHugePage() {
        for connections in [16, 1000, 1 << 20] {
            let layout = StateLayout(connections: connections)
            #expect(layout.connections.offset % (1 << 21) == 0 && layout.size % 4096 == 0)
        }
    }
}
