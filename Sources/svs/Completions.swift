import Admin
import ArgumentParser
import CLinux
import Glibc
import LVS
import Wire

/// What a shell offers behind the words that stand already.
enum Completions {
    /// The host's interfaces.
    static let interfaces = CompletionKind.custom { _, _, prefix in interfaceNames.filter { $0.hasPrefix(prefix) } }

    /// Switches by their names.
    static let switches = CompletionKind.custom { _, _, prefix in
        (Tunables.names + Tunables.names.map { String($0.dropFirst("net.ipv4.".count)) }.filter { $0.hasPrefix("vs.") })
            .filter { $0.hasPrefix(prefix) }
    }

    /// ipvsadm's language.
    static let administration = CompletionKind.custom { words, place, prefix in
        administration(behind: Array(words.prefix(max(place, 0)))).filter { $0.hasPrefix(prefix) }
    }

    /// - Parameter words: those before the word in question.
    static func administration(behind words: [String]) -> [String] {
        func inventory() -> Inventory? { Self.inventory(words) }
        let offers: [String]
        switch words.last {
        case "-s", "--scheduler": offers = Schedulers.roster.map { $0.name } + [Schedulers.none]
        case "-t", "--tcp-service": offers = services(IPProtocol.tcp, inventory())
        case "-u", "--udp-service": offers = services(IPProtocol.udp, inventory())
        case "--sctp-service": offers = services(IPProtocol.sctp, inventory())
        case "-f", "--fwmark-service": offers = (inventory()?.services ?? []).map(\.key.mark).filter { $0 != 0 }.map(String.init)
        case "-r", "--real-server": offers = servers(inventory())
        case "--mcast-interface": offers = interfaceNames
        case "--start-daemon", "--stop-daemon": offers = ["master", "backup"]
        case "-b", "--sched-flags": offers = Schedulers.roster.flatMap { $0.flagNames.map(\.name) }
        default: offers = Grammar.names.map { "--\($0)" }
        }
        return Set(offers).sorted()
    }

    private static func services(_ proto: UInt8, _ inventory: Inventory?) -> [String] {
        (inventory?.services ?? []).filter { $0.key.mark == 0 && $0.key.proto == proto }.map { end($0.key.address, $0.key.port) }
    }

    private static func servers(_ inventory: Inventory?) -> [String] {
        (inventory?.services ?? []).flatMap(\.servers).map { end($0.key.address, $0.key.port) }
    }

    private static func end(_ address: IPAddress, _ port: UInt16) -> String { address.isV4 ? "\(address):\(port)" : "[\(address)]:\(port)" }

    /// Asked for a second only: somebody waits at a key.
    private static func inventory(_ words: [String]) -> Inventory? {
        let named = words.firstIndex(of: "--control").flatMap {
            words.index(after: $0) < words.endIndex ? words[words.index(after: $0)] : nil
        }
        return try? ControlClient(path: AdmCommandLine.path(named), patience: 1).inventory()
    }

    private static var interfaceNames: [String] {
        guard let list = if_nameindex() else { return [] }
        defer { if_freenameindex(list) }
        var names: [String] = [], place = 0
        while let name = list[place].if_name {
            names.append(String(cString: name))
            place += 1
        }
        return names
    }
}
