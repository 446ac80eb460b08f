import Foundation
import Links
import PacketKit
import Wire

/// A case folder in the system's place for such things, gone with the last reference.
final class CaseFolder {
    let path: String

    /// `files` by name; the frames arrive one second apart.
    init(_ files: [String: String] = [:], frames: [[UInt8]] = [], services: String = CaseFolder.services) throws {
        var template = Array("/tmp/svs-case.XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw LinkError("mkdtemp: \(errno)") }
        path = String(cString: made)
        try write(services, to: "services")
        try write(CaseFolder.network, to: "network")
        for (name, text) in files { try write(text, to: name) }
        try write(frames, to: "in.pcap")
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// One TCP service with one server.
    static let services = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 1\n"

    static let network = """
        link set dev eth0 address 02:00:00:00:00:01 mtu 1500
        link set dev lo up
        link set dev eth0 up
        link set dev eth1 address 02:00:00:00:01:01 mtu 1500
        link set dev eth1 up
        addr add 172.31.255.1/24 dev eth0
        addr add 10.0.0.1/24 dev eth1
        addr add 192.0.2.1/32 dev lo
        neigh replace 10.0.0.2 lladdr 02:00:00:00:00:22 dev eth1 nud permanent
        neigh replace 10.0.0.3 lladdr 02:00:00:00:00:33 dev eth1 nud permanent
        neigh replace 172.31.255.254 lladdr 02:00:00:00:00:fe dev eth0 nud permanent
        route add default via 172.31.255.254 dev eth0 onlink

        """

    func write(_ text: String, to name: String) throws { try write(Array(text.utf8), to: name) }

    func write(_ bytes: [UInt8], to name: String) throws {
        guard let file = fopen("\(path)/\(name)", "we") else { throw LinkError("\(path)/\(name): \(errno)") }
        defer { fclose(file) }
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw LinkError("\(path)/\(name): \(errno)") }
    }

    func write(_ frames: [[UInt8]], to name: String, causes: [UInt32]? = nil) throws {
        let writer = try PcapWriter(path: "\(path)/\(name)")
        for (index, frame) in frames.enumerated() {
            var bytes = frame
            var failure: LinkError?
            bytes.withBytes { window in
                do throws(LinkError) { try writer.write(window, seconds: causes?[index] ?? UInt32(1000 + index), microseconds: 0) } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
        }
        try writer.close()
    }

    func text(_ name: String) -> String {
        guard let file = fopen("\(path)/\(name)", "r") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}

/// Frames from the client 198.51.100.7 for `CaseFolder.services`.
enum Arriving {
    static func tcp(_ flags: TCPFlags, port: UInt16 = 5555, ttl: UInt8 = 64, payload: [UInt8] = [], id: UInt16 = 7) -> [UInt8] {
        Packet.tcp(from: Endpoint(IPAddress("198.51.100.7")!, port), to: "192.0.2.1:80", flags: flags, payload: payload, ttl: ttl, id: id)
            .ethernet(from: "02:00:00:00:00:fe", to: "02:00:00:00:00:01")
    }

    /// The same frame as direct routing sends it on.
    static func forwarded(_ flags: TCPFlags, port: UInt16 = 5555, ttl: UInt8 = 63, id: UInt16 = 7) -> [UInt8] {
        Packet.tcp(from: Endpoint(IPAddress("198.51.100.7")!, port), to: "192.0.2.1:80", flags: flags, ttl: ttl, id: id)
            .ethernet(from: "02:00:00:00:01:01", to: "02:00:00:00:00:22")
    }
}

extension Captured {
    static func frames(_ path: String) throws -> [[UInt8]] {
        let reader = try PcapReader(path: path)
        var frames: [[UInt8]] = []
        while let (_, frame) = try reader.next() { frames.append(frame) }
        return frames
    }
}
