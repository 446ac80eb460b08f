public import LVS
import Wire

extension SaveFormat {
    /// A command as ipvsadm's arguments, addresses in numbers, thresholds included; `nil` for one that no file needs.
    public static func line(for command: Command) -> String? {
        switch command {
        case .addService(let key, let settings): "-A " + service(key, settings)
        case .editService(let key, let settings): "-E " + service(key, settings)
        case .deleteService(let key): "-D " + words(for: key)
        case .flush: "-C"
        case .addServer(let key, let server, let settings): "-a " + self.server(key, server, settings)
        case .editServer(let key, let server, let settings): "-e " + self.server(key, server, settings)
        case .deleteServer(let key, let server): "-d " + words(for: key, server)
        case .setTimeouts(let tcp, let fin, let udp): "--set \(tcp) \(fin) \(udp)"
        case .zero(let key): "-Z" + (key.map { " " + words(for: $0) } ?? "")
        case .startDaemon, .stopDaemon: nil
        }
    }

    /// `-t 192.0.2.1:80`.
    public static func words(for key: ServiceKey) -> String { name(of: key, numbers) }

    /// `-t 192.0.2.1:80 -r 10.0.0.2:80`.
    public static func words(for key: ServiceKey, _ server: ServerKey) -> String {
        words(for: key) + " -r " + numbers.name(server.address, server.address.family, server.port, proto: key.proto)
    }

    private static var numbers: Naming<SystemNames> { Naming(names: SystemNames(), numeric: true) }

    private static func service(_ key: ServiceKey, _ settings: ServiceSettings) -> String {
        words(for: key) + settings.saved(key.family)
    }

    private static func server(_ key: ServiceKey, _ server: ServerKey, _ settings: ServerSettings) -> String {
        words(for: key, server) + settings.said(key.family)
    }
}
