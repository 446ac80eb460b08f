import CBench
import CLinux
import Wire

/// A repeatable random order of flows.
struct Order {
    private var state: UInt64
    init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

    mutating func next(below limit: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(truncatingIfNeeded: state.multipliedFullWidth(by: UInt64(limit)).high)
    }
}

/// Well mixed bits of a number (the end of SplitMix64).
enum ScatterHash {
    static func mix(_ number: UInt64) -> UInt64 {
        var bits = number &* 0x9e37_79b9_7f4a_7c15
        bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
        return bits ^ bits >> 31
    }
}

/// TCP segments of 60 bytes from many clients to one virtual address.
struct Traffic {
    static let director = MACAddress(bits: 0x0200_0000_0001)
    static let virtual = IPAddress(v4: 0x0a09_0001)
    let flows: Int
    /// Clients and ports are anybody's; else they follow each other.
    private let isScattered: Bool
    private let template: [UInt8]

    init(flows: Int, scattered: Bool = false) {
        self.flows = flows
        isScattered = scattered
        var frame = [UInt8](repeating: 0, count: 60)
        frame.withBytes { bytes in
            bytes.setMAC(Self.director, at: 0)
            bytes.setMAC(MACAddress(bits: 0x0200_0000_00fe), at: 6)
            bytes.setBig16(EtherType.ipv4, at: 12)
            IPv4Header.write(
                to: bytes.dropFirst(14), totalLength: 40, proto: IPProtocol.tcp, from: IPAddress(v4: 0), to: Self.virtual,
                timeToLive: 64, id: 1, dontFragment: true)
            bytes.setBig16(80, at: 36)
            bytes[46] = 5 << 4
        }
        template = frame
    }

    /// Client's address and port of a flow.
    func endpoint(of flow: Int) -> (address: UInt32, port: UInt16) {
        guard isScattered else { return (0xc000_0000 + UInt32(truncatingIfNeeded: flow / 50_000), UInt16(1024 + flow % 50_000)) }
        let bits = ScatterHash.mix(UInt64(flow))
        return (0xc000_0000 | UInt32(truncatingIfNeeded: bits >> 40), UInt16(1024 + Int(bits & 0xffff) % 60_000))
    }

    /// Writes the segment of one flow.
    func write(_ flow: Int, flags: TCPFlags, to bytes: Bytes) {
        bytes.copy(template)
        guard let ip = IPv4Header(bytes.dropFirst(14)) else { return }
        let (client, port) = endpoint(of: flow), source = IPAddress(v4: client)
        ip.checksum = Checksum.update(ip.checksum, from: ip.source, to: source)
        ip.source = source
        bytes.setBig16(port, at: 34)
        bytes[47] = flags.rawValue
    }

    func load(_ batch: inout Batch, _ memory: SlabView<UInt8>, flows: some Collection<Int>, slot: Int, flags: TCPFlags) {
        batch.removeAll()
        for (place, flow) in flows.enumerated() { append(&batch, memory, place, slot, flow, flags) }
    }

    func load(_ batch: inout Batch, _ memory: SlabView<UInt8>, order: inout Order, slot: Int) {
        batch.removeAll()
        for place in 0..<batch.capacity { append(&batch, memory, place, slot, order.next(below: flows), .ack) }
    }

    private func append(_ batch: inout Batch, _ memory: SlabView<UInt8>, _ place: Int, _ slot: Int, _ flow: Int, _ flags: TCPFlags) {
        let base = UnsafeMutableRawPointer(memory.mutableAddress(checked: place * slot))
        let frame = Frame(buffer: base, capacity: slot, headroom: 128, length: 60, ingress: 2)
        write(flow, flags: flags, to: frame.bytes)
        batch.append(frame)
    }
}

/// The C loop with the same connections.
final class CLoop {
    private let bench: OpaquePointer
    private let memory = Slab<UInt8>(capacity: 64 * 256)
    private var frames: [UnsafeMutablePointer<UInt8>?] = []
    private var lengths = [UInt32](repeating: 60, count: 64)

    init(_ traffic: Traffic, capacity: Int) {
        var words: UInt32 = 64
        while words < UInt32(capacity) * 4 { words *= 2 }
        guard let bench = cbench_new(UInt32(capacity), words) else { preconditionFailure("no memory for the C loop") }
        self.bench = bench
        for place in 0..<64 { frames.append(memory.mutableAddress(checked: place * 256 + 128)) }
        let scratch = Bytes(UnsafeMutableRawPointer(memory.mutableAddress(checked: 0)), count: 60)
        for flow in 0..<traffic.flows {
            traffic.write(flow, flags: .ack, to: scratch)
            _ = cbench_learn(bench, memory.view.address(checked: 0), 60, UInt32(flow & 7), 1)
        }
    }

    deinit {
        cbench_free(bench)
    }

    func round(_ traffic: Traffic, _ number: Int, _ packets: Int) -> Double {
        var order = Order(seed: UInt64(number))
        var spent: UInt64 = 0
        for _ in 0..<packets / 64 {
            for place in 0..<64 {
                let bytes = Bytes(UnsafeMutableRawPointer(memory.mutableAddress(checked: place * 256 + 128)), count: 60)
                traffic.write(order.next(below: traffic.flows), flags: .ack, to: bytes)
            }
            let start = svs_clock()
            let sent = frames.withUnsafeBufferPointer { frames in
                lengths.withUnsafeBufferPointer { cbench_direct(bench, frames.baseAddress, $0.baseAddress, 64, UInt64(number) + 2) }
            }
            spent += svs_clock() - start
            precondition(sent == 64, "the C loop lost a packet")
        }
        return Double(spent) / Double(packets)
    }
}
