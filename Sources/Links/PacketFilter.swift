internal import CLinux
internal import Clibpcap
public import Wire

/// A classic BPF program over Ethernet frames, as the kernel runs it in front of a packet socket.
public struct PacketFilter: Sendable {
    /// How much of what was wanted the program could be told.
    public enum Precision: Sendable {
        /// Addresses, protocols and ports.
        case ports
        /// Only addresses: with the ports the program would be too long for the kernel.
        case addresses
        /// Nothing is kept back.
        case everything
    }

    public let precision: Precision
    private let program: [bpf_insn]
    /// What the program was made for, so that a wider one, or one of another kind, can take its place.
    public private(set) var captureMatches: [CaptureMatch] = []
    public private(set) var everyICMP = false

    /// Instructions that the kernel takes (BPF_MAXINSNS) behind those that every socket's program begins with.
    public static var longest: Int { 4096 - ownTraffic.count }

    /// Keeps back what is for another host or was sent by this one (`skb->pkt_type`, which libpcap's language does not know as
    /// such): nobody else has to look at it then.
    private static let ownTraffic: [bpf_insn] = [
        // SKF_AD_OFF + SKF_AD_PKTTYPE
        bpf_insn(code: UInt16(BPF_LD | BPF_W | BPF_ABS), jt: 0, jf: 0, k: 0xffff_f004),
        bpf_insn(code: UInt16(BPF_JMP | BPF_JGE | BPF_K), jt: 0, jf: 1, k: UInt32(SVS_PACKET_OTHERHOST)),
        bpf_insn(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: 0),
    ]
    private static let acceptance = [bpf_insn(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: .max)]

    /// Accepts every frame that is for this host.
    public static var everything: PacketFilter { PacketFilter(precision: .everything, program: []) }

    private init(precision: Precision, program: [bpf_insn]) {
        self.precision = precision
        self.program = program
    }

    /// The program for an expression in the language of pcap-filter(7).
    public init(expression: String) throws(LinkError) {
        try self.init(expression: expression, precision: .ports)
    }

    /// Comparisons that are worth a filter: a tenth of a second to compile, and fewer instructions on an unwanted frame
    /// than it costs to receive it.
    private static var mostComparisons: Int { 640 }

    /// The tightest filter that lets everything in `captureMatches` through and that the kernel takes. Long lists take up to a
    /// tenth of a second.
    public init(accepting captureMatches: [CaptureMatch], everyICMP: Bool = false) {
        self = Self.tightest(accepting: captureMatches, everyICMP: everyICMP, among: [.ports, .addresses])
    }

    /// The next wider filter that accepts everything that this one does.
    var wider: PacketFilter {
        guard precision == .ports, !captureMatches.isEmpty else { return .everything }
        return Self.tightest(accepting: captureMatches, everyICMP: everyICMP, among: [.addresses])
    }

    private static func tightest(accepting captureMatches: [CaptureMatch], everyICMP: Bool, among precisions: [Precision])
        -> PacketFilter
    {
        for precision in precisions {
            let addressesOnly = precision == .addresses
            let comparisons = CaptureMatch.comparisons(captureMatches, addressesOnly: addressesOnly)
            guard comparisons <= mostComparisons else { continue }
            let expression = CaptureMatch.expression(captureMatches, everyICMP: everyICMP, addressesOnly: addressesOnly)
            if var filter = try? PacketFilter(expression: expression, precision: precision) {
                filter.captureMatches = captureMatches
                filter.everyICMP = everyICMP
                return filter
            }
        }
        return .everything
    }

    private init(expression: String, precision: Precision) throws(LinkError) {
        guard let handle = pcap_open_dead(DLT_EN10MB, Int32(PcapWriter.longestFrame)) else {
            throw LinkError("filter: no memory")
        }
        defer { pcap_close(handle) }
        var compiled = bpf_program()
        guard pcap_compile(handle, &compiled, expression, 1, PCAP_NETMASK_UNKNOWN) == 0 else {
            throw LinkError("filter \"\(expression)\": \(String(cString: pcap_geterr(handle)))")
        }
        defer { pcap_freecode(&compiled) }
        guard compiled.bf_len <= Self.longest else {
            throw LinkError("filter: \(compiled.bf_len) instructions are more than the kernel's \(Self.longest)")
        }
        self.precision = precision
        program = Array(UnsafeBufferPointer(start: compiled.bf_insns, count: Int(compiled.bf_len)))
    }

    /// Instructions.
    public var count: Int { program.count }

    /// Whether the program lets this frame through.
    public func accepts(_ frame: Bytes) -> Bool {
        guard !program.isEmpty else { return true }
        let length = UInt32(frame.count)
        return bpf_filter(program, frame.base.assumingMemoryBound(to: UInt8.self), length, length) != 0
    }

    /// Lends the program in the kernel's form.
    func withInstructions<Result>(_ body: (UnsafeBufferPointer<svs_instruction>) -> Result) -> Result {
        (Self.ownTraffic + (program.isEmpty ? Self.acceptance : program)).withUnsafeBytes { body($0.bindMemory(to: svs_instruction.self)) }
    }
}
