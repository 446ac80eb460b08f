internal import CLinux
internal import Clibpcap
internal import Glibc

/// A classic BPF program over Ethernet frames, as the kernel runs it in front of a packet socket.
public struct PacketFilter: Sendable {
    private var program: [svs_instruction]

    /// Accepts every frame, with no program at all.
    public static var everything: PacketFilter { PacketFilter(program: []) }

    private init(program: [svs_instruction]) { self.program = program }

    /// Instructions.
    public var count: Int { program.count }

    func withInstructions<Result>(_ body: (UnsafePointer<svs_instruction>?, Int) -> Result) -> Result {
        program.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
    }
}
