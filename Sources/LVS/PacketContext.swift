/// What belongs to one packet on its way through the director, beside its frame and what was seen of it at first sight.
///
/// It travels along the path, `inout`, from `direct` to the answers, and nothing of it is left in the director. One context
/// serves all packets of a batch: a packet of the ordinary kind changes the counted server only. Whoever finds out more about
/// a packet (the slow path, reassembly) makes a context for that packet alone, which ends with it.
@safe struct PacketContext: ~Copyable {
    /// The server that the packet was counted for, -1 without one.
    var countedServer: ServerID = -1
    /// The connection whose place the packet's own new one takes, -1 without one.
    var replaced: ConnectionID = -1
    /// The packet is an ICMP error that makes a connection: a scheduler that hashes destinations sees the packet that it
    /// quotes, which goes to the client.
    var schedulesError = false
    /// What the director sends is the host's own and comes by the output handler.
    var passesOutput = false
    /// IP length in bytes of the packet that the director sent last on account of this one; 0 while it has sent none.
    var answerLength = 0
    /// The VLAN tag, type and number, as it stands behind the MAC addresses: answers leave with it.
    var tag: UInt32?
    /// The IPv4 options, as the host has filled them in; `nil` without any.
    var options: IPOptions?
    /// How a reassembled packet came in; `nil` for one that came in whole.
    var originalFragments: OriginalFragments?
    /// Bytes that the longest fragment had more than the reassembled packet has, by which IPv6 judges it; 0 for all others.
    var fragmentExcess: Int32 = 0
    /// Not counted as a reference, so that a context costs nothing to make and to end: `explain` keeps the recorder alive.
    private let uncounted: Unmanaged<ExplanationRecorder>?

    init(recorder: ExplanationRecorder? = nil) { unsafe uncounted = recorder.map(Unmanaged.passUnretained) }

    /// Takes down what is decided, where the packet is to be explained.
    var recorder: ExplanationRecorder? { unsafe uncounted?.takeUnretainedValue() }
}
