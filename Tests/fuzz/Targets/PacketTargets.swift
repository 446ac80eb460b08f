import Decap
import Glibc
import Links
import Wire

/// A pcap or pcapng file, and the printout of its frames.
final class CaptureTarget: FuzzTarget {
    static var name: String { "capture" }
    private let path = "/dev/shm/svs-fuzz-\(getpid())"

    init() {}

    func run(_ input: [UInt8]) {
        let file = fopen(path, "w")
        fwrite(input, 1, input.count, file)
        fclose(file)
        defer { unlink(path) }
        guard let reader = try? PcapReader(path: path) else { return }
        while var (_, bytes) = try? reader.next() {
            tried.frames += 1
            bytes.withUnsafeMutableBytes { buffer in
                guard let start = buffer.baseAddress else { return }
                _ = PacketDescription(Bytes(start, count: buffer.count)).description
            }
        }
    }
}

/// The end of a tunnel.
final class DecapsulatorTarget: FuzzTarget {
    static var name: String { "decapsulator" }
    private var fragments = OuterFragments(limit: 8)
    private var moment: UInt64 = 0
    init() {}

    func run(_ input: [UInt8]) {
        for kind in Decapsulator.Kind.allCases {
            var packet = input
            packet.withUnsafeMutableBytes { buffer in
                guard let start = buffer.baseAddress else { return }
                let bytes = Bytes(start, count: buffer.count)
                IPv4Header(bytes)?.fillChecksum()
                moment += 1
                tried.frames += 1
                switch Decapsulator(kind).unwrap(bytes, trustsChecksums: true) {
                case .inner(let inner):
                    require(inner.offset >= 20 && inner.offset + inner.length <= bytes.count, "\(inner)")
                    require(bytes[inner.offset] >> 4 == inner.family.rawValue, "\(inner)")
                case .fragment: _ = fragments.add(bytes, at: moment)
                case .other, .refused: break
                }
            }
        }
        require(fragments.count <= 8, "\(fragments.count) fragments are kept")
    }
}
