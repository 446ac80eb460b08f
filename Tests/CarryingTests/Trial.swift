import CLinux
import CarryTrial
import Glibc
import LVS
import Links
import Linux
import Testing
import Wire

import struct PacketKit.Endpoint
import enum PacketKit.Packet

@testable import Carrying

/// Whether tests may load programs into the kernel.
let isRoot = geteuid() == 0

/// The program in the kernel, and a director's end of it.
final class Trial {
    let program: CarryProgram
    let carrier: KernelCarrier
    /// BPF_PROG_TYPE_SCHED_CLS, which runs over whole frames; the kernel's own trial of a socket's filter does not.
    private static let ingressKind: Int32 = 3

    init(flows: Int = 64) throws {
        program = try CarryProgram(flows: flows, kind: Self.ingressKind)
        carrier = try KernelCarrier(program.maps)
        carrier.control.isOn = true
    }

    /// What became of a frame.
    enum Outcome: Equatable, CustomStringConvertible {
        /// It is sent along, in this form.
        case along([UInt8])
        /// It comes to the director.
        case up
        /// It comes to nobody here.
        case none

        var description: String {
            switch self {
            case .along(let frame): "along as \(frame)"
            case .up: "up"
            case .none: "none"
            }
        }
    }

    func fate(of frame: [UInt8], segment: Int = 0) throws -> Outcome {
        var result = carry_trial()
        let failure = carry_try(program.watch.number, program.carry.number, frame, UInt32(frame.count), UInt32(segment), &result)
        try #require(failure == 0, "errno \(-failure)")
        // TC_ACT_REDIRECT, TC_ACT_UNSPEC.
        switch (result.watch, result.carry) {
        case (0, 7): return .along(withUnsafeBytes(of: &result.frame) { Array($0[..<Int(result.length)]) })
        case (-1, -1): return .up
        case (0, -1): return .none
        default: throw TrialError(answers: (result.watch, result.carry))
        }
    }

    struct TrialError: Error { var answers: (Int32, Int32) }

    /// Everything that came up so far has left the director.
    func letThrough() { carrier.noteThrough(Instant(svs_clock()) + 1) }

    /// Has a flow carried, and the frame that comes up first sent.
    func open(_ flow: CarriedFlow, _ frame: [UInt8]) throws {
        #expect(carrier.carry(flow))
        #expect(try fate(of: frame) == .up)
        letThrough()
    }
}

/// The way of what is carried here.
let way = CarriedWay(
    egress: 7, destination: MACAddress(bits: 0x02_00_00_00_00_20), source: MACAddress(bits: 0x02_00_00_00_00_03), mtu: 1500)

/// A frame for the device that the kernel's trial uses: its MAC address is zero.
func frame(_ packet: [UInt8]) -> [UInt8] {
    let isV6 = packet[0] >> 4 == 6
    return [0, 0, 0, 0, 0, 0] + [2, 0, 0, 0, 0, 9] + (isV6 ? [0x86, 0xdd] : [8, 0]) + packet
}

/// As the director would have sent it: a hop less, both MAC addresses new.
func forwarded(_ frame: [UInt8]) -> [UInt8] {
    var frame = [2, 0, 0, 0, 0, 0x20, 2, 0, 0, 0, 0, 3] + frame[12...]
    if frame[12] == 8 {
        frame[14 + 8] -= 1
        frame[14 + 10] = 0
        frame[14 + 11] = 0
        var sum: UInt32 = 0
        for place in stride(from: 14, to: 34, by: 2) { sum += UInt32(frame[place]) << 8 | UInt32(frame[place + 1]) }
        while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
        frame[24] = UInt8(~sum >> 8 & 255)
        frame[25] = UInt8(~sum & 255)
    } else {
        frame[14 + 7] -= 1
    }
    return frame
}

/// A client and a service of one family.
struct Ends: Sendable, CustomStringConvertible {
    var client, service: Endpoint
    static let v4 = Ends(client: "198.51.100.9:40000", service: "192.0.2.1:80")
    static let v6 = Ends(client: "[2001:db8::9]:40000", service: "[2001:db8::1]:80")

    var description: String { service.address.isV4 ? "IPv4" : "IPv6" }

    func flow(_ proto: UInt8, server: ServerID = 3) -> CarriedFlow {
        CarriedFlow(
            flow: Flow(
                source: client.address, sourcePort: client.port, destination: service.address, destinationPort: service.port, proto: proto),
            server: server, way: way, timeout: 1)
    }

    func tcp(_ flags: TCPFlags = .ack, options: [UInt8] = [], payload: [UInt8] = [1, 2, 3], ttl: UInt8 = 64) -> [UInt8] {
        frame(Packet.tcp(from: client, to: service, flags: flags, options: options, payload: payload, ttl: ttl))
    }

    func udp(payload: [UInt8] = [1, 2, 3], ttl: UInt8 = 64) -> [UInt8] {
        frame(Packet.udp(from: client, to: service, payload: payload, ttl: ttl))
    }
}
