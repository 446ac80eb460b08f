import Links
import Wire

func big16(_ value: Int) -> [UInt8] { [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)] }

func address(_ text: String) -> IPAddress { IPAddress(text) ?? .unspecified(.v4) }

/// The address as it stands in a header.
func octets(_ text: String) -> [UInt8] {
    let value = address(text)
    let words = value.isV4 ? [UInt64(value.v4) << 32] : [value.high, value.low]
    return words.flatMap { word in (0..<(value.isV4 ? 4 : 8)).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
}

/// An Ethernet frame from `near` (02::01) to `far` (02::02) or another address that carries `payload`.
func ethernet(_ type: UInt16, _ payload: [UInt8], to destination: [UInt8] = [2, 0, 0, 0, 0, 2]) -> [UInt8] {
    destination + [2, 0, 0, 0, 0, 1] + big16(Int(type)) + payload
}

/// The frame with an 802.1Q tag behind its addresses.
func tagged(_ frame: [UInt8], _ control: Int, protocol type: Int = 0x8100) -> [UInt8] {
    frame.prefix(12) + big16(type) + big16(control) + frame.dropFirst(12)
}

/// An IPv4 or IPv6 packet in a frame; `fragment` is the flags-and-offset field of IPv4. Its header checksum is left 0.
func ip(_ source: String, _ destination: String, proto: UInt8, _ payload: [UInt8], fragment: Int = 0) -> [UInt8] {
    if address(source).isV4 {
        let header: [UInt8] = [0x45, 0] + big16(20 + payload.count) + [0, 1] + big16(fragment) + [64, proto, 0, 0]
        return ethernet(EtherType.ipv4, header + octets(source) + octets(destination) + payload)
    }
    let header: [UInt8] = [0x60, 0, 0, 0] + big16(payload.count) + [proto, 64]
    return ethernet(EtherType.ipv6, header + octets(source) + octets(destination) + payload)
}

/// The first eight bytes of a TCP, UDP or SCTP header, and twelve more.
func ports(_ source: Int, _ destination: Int) -> [UInt8] {
    big16(source) + big16(destination) + [UInt8](repeating: 0, count: 16)
}

/// A TCP segment of `length` payload bytes whose checksum field holds only the sum that an offload begins with.
func segment(_ length: Int, from source: String = "10.0.0.1", to destination: String = "10.0.0.2") -> [UInt8] {
    let tcp = ports(1000, 80).prefix(12) + [0x50, 0x10, 0xff, 0xff, 0x14, 0x0b, 0, 0]
    return ip(source, destination, proto: 6, tcp + (0..<length).map { UInt8(truncatingIfNeeded: $0) }, fragment: 0x4000)
}

/// The offload headers that belong to such a segment.
func partial(_ version: IPFamily = .v4) -> Offload {
    Offload(flags: Offload.needsChecksum, checksumStart: version == .v4 ? 34 : 54, checksumOffset: 16)
}

func superframe(_ version: IPFamily = .v4) -> Offload {
    var offload = partial(version)
    offload.segmentation = version == .v4 ? Offload.tcp4 : Offload.tcp6
    offload.segmentSize = 1440
    offload.headerLength = offload.checksumStart + 20
    return offload
}
