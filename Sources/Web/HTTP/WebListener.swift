internal import FlyingSocks
internal import Glibc
public import Wire

/// Where browsers and collectors knock.
public struct WebListener: Sendable {
    let socket: Socket
    public let address: IPAddress
    /// The one that was asked for, or the one that the kernel chose for 0.
    public let port: UInt16

    /// Listens at an address of this host.
    /// - Throws: `Refusal` that says why it cannot be.
    public init(_ address: IPAddress, port: UInt16) throws(Refusal) {
        self.address = address
        do {
            socket = try Socket(domain: address.isV4 ? AF_INET : AF_INET6)
            try socket.setValue(true, for: .localAddressReuse)
            if address.isV4 {
                try socket.bind(to: sockaddr_in.inet(ip4: "\(address)", port: port))
            } else {
                try socket.bind(to: sockaddr_in6.inet6(ip6: "\(address)", port: port))
            }
            try socket.listen()
            switch try socket.sockname() {
            case .ip4(_, let bound), .ip6(_, let bound): self.port = bound
            case .unix: self.port = port
            }
        } catch {
            let why = if case SocketError.failed(_, let number, let message) = error { Self.reason(number) ?? message } else { "\(error)" }
            throw Refusal(description: "\(Self.text(address, port)): \(why)")
        }
    }

    private static func reason(_ number: Int32) -> String? {
        switch number {
        case EADDRINUSE: "somebody listens there already"
        case EADDRNOTAVAIL: "is no address of this host"
        case EACCES: "ports below 1024 are root's"
        default: nil
        }
    }

    /// Why nobody can knock there.
    public struct Refusal: Error, Hashable, CustomStringConvertible { public var description: String }

    /// `ADDRESS:PORT`, with brackets around an IPv6 address; `nil` for anything else.
    public static func place(_ text: String) -> (address: IPAddress, port: UInt16)? {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
        var host = String(text[..<colon])
        let hasBrackets = host.hasPrefix("[") && host.hasSuffix("]")
        if hasBrackets { host = String(host.dropFirst().dropLast()) }
        guard let address = IPAddress(host), address.isV4 != hasBrackets else { return nil }
        return (address, port)
    }

    private static func text(_ address: IPAddress, _ port: UInt16) -> String {
        "\(address.isV4 ? "\(address)" : "[\(address)]"):\(port)"
    }

    /// As a browser's address line has it.
    public var url: String { "http://\(Self.text(address, port))/" }
}
