internal import CCarrying
internal import CLinux
internal import Glibc
public import Host
internal import Linux
internal import SystemPackage

/// The program in the kernel that carries flows (`Program/carry.bpf.c`), and where it is attached. It goes with this.
///
/// Needs CAP_BPF and CAP_NET_ADMIN, and Linux 6.6 (tcx).
public final class CarryProgram {
    public let maps: CarryMaps
    /// The filter of the director's sockets, and what runs at ingress.
    let watch, carry: HeldDescriptor
    /// At the ingress of these interfaces, by their number. An interface that goes takes its link along.
    private var links: [Int32: HeldDescriptor] = [:]

    public static let purpose = "carry flows in the kernel"

    /// Loads it.
    /// - Parameter flows: how many there may be of each IP version.
    public convenience init(flows: Int) throws(HostError) { try self.init(flows: flows, kind: 0) }

    /// - Parameter kind: of which kind `watch` is loaded (enum bpf_prog_type), 0 as it is.
    init(flows: Int, kind: Int32) throws(HostError) {
        let code = Self.code()
        var program = svs_carry_program()
        try Self.check(
            code.withUnsafeBytes { svs_carry_load($0.baseAddress, UInt64($0.count), UInt32(clamping: flows), kind, &program) }, needs: "")
        (watch, carry) = (HeldDescriptor(program.watch), HeldDescriptor(program.carry))
        let (a, b, c, d, e, f) = program.maps
        maps = CarryMaps(flows4: a, flows6: b, shared: c, counts: d, outer: e, inner: f)
    }

    /// Carries what arrives at an interface, and has its socket receive the rest.
    public func attach(to interface: Int32, _ socket: Int32) throws(HostError) {
        if links[interface] == nil {
            let link = svs_carry_attach(carry.number, interface)
            try Self.check(link, needs: " (it takes Linux 6.6)")
            links[interface] = HeldDescriptor(link)
        }
        try Self.check(svs_socket_program(socket, watch.number), needs: "")
    }

    /// An interface is gone.
    public func forget(_ interface: Int32) { links[interface] = nil }

    private static func check(_ result: Int32, needs: String) throws(HostError) {
        guard result < 0 else { return }
        let errno = 0 &- result
        throw HostError(
            purpose, cause: errno == EPERM ? "CAP_BPF is missing" : Errno(rawValue: errno).description + (errno == EINVAL ? needs : ""),
            errno: errno)
    }

    /// The program as the build has compiled it, an ELF object.
    private static func code() -> [UInt8] {
        var bytes: [UInt8] = []
        var high: UInt8?
        for digit in carryProgramDigits.utf8 {
            let value = digit < 0x3a ? digit - 0x30 : digit - 0x57
            if let before = high {
                bytes.append(before << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return bytes
    }
}
