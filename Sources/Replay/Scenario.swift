public import Admin
public import LVS
internal import Wire

/// A director host as its files describe it: everything a replay needs but the frames.
public struct Scenario: Sendable {
    /// Bytes of the longest file of connections: some ten million of them.
    private static let longestConnections = 2 << 30

    public var network: Network
    public var tunables: Tunables
    public var marks4: MarkRules
    public var marks6: MarkRules
    /// The host's own rules; with `marks host` in the file `run` they give the marks as well.
    public var firewall: HostRules?
    public var services: [ServicesFile.Rule]
    /// What changes, by the number of the input frame that it comes just before, in the order of the file.
    public var edits: [Int: [Edit]]
    /// Sysctl keys that the director has no use for.
    public var ignored: [String]
    public var run: RunFile
    /// What the director knew when the case began.
    public var connections: SnapshotFile?
    /// What an edit does.
    public enum Edit: Sendable {
        case command(Command)
        /// The host has these addresses and routes from now on.
        case host([Network.Address], [Network.Route])
    }

    /// Index of the first Ethernet link.
    public var firstInterface: Int32

    /// Reads all files; the first thing wrong in any of them is thrown, with file and line.
    public init(_ files: CaseFiles) throws(FileError) {
        var parsed = try NetworkFile(TextFile.read(files.network), file: files.network)
        guard let first = parsed.network.firstEthernet else {
            throw FileError(file: files.network, text: "no Ethernet link is set up")
        }
        network = parsed.network
        firstInterface = first.index
        run = RunFile()
        if let path = files.run { run = try RunFile(TextFile.read(path), file: path) }
        if let path = files.connections { connections = try SnapshotFile(TextFile.read(path, limit: Self.longestConnections), file: path) }
        tunables = Tunables()
        ignored = []
        if let path = files.sysctl {
            let file = try SysctlFile(TextFile.read(path), file: path)
            tunables = file.tunables
            ignored = file.ignored
        }
        network.forwards4 = tunables.forward4 != 0
        network.forwards6 = tunables.forward6 != 0
        services = try ServicesFile(TextFile.read(files.services), name: files.services, names: SystemNames()).rules
        marks4 = MarkRules(family: .v4)
        marks6 = MarkRules(family: .v6)
        edits = [:]
        if let path = files.edits {
            for edit in try EditsFile(TextFile.read(path), name: path, names: SystemNames()).edits {
                edits[edit.frame, default: []].append(try Self.edit(edit, of: &parsed, path))
            }
        }
        let keys = (services.map(\.command) + editCommands).addedServices
        marks4 = try Self.marks(files.marks, .v4, keys)
        marks6 = try Self.marks(files.marks6, .v6, keys)
        if let path = files.firewall { firewall = try HostRules(TextFile.read(path), file: path) }
    }

    /// - Parameter host: as it is before the edit; as it is behind it, afterwards.
    private static func edit(_ edit: EditsFile.Edit, of host: inout NetworkFile, _ file: String) throws(FileError) -> Edit {
        switch edit.change {
        case .command(let command): return .command(command)
        case .address(let words):
            try host.change(words, file: file, line: edit.line)
            return .host(host.network.addresses, host.network.routes)
        }
    }

    /// The commands of all edits, in order.
    var editCommands: [Command] {
        edits.keys.sorted().flatMap { edits[$0] ?? [] }.compactMap { if case .command(let command) = $0 { command } else { nil } }
    }

    private static func marks(_ path: String?, _ family: IPFamily, _ services: [ServiceKey]) throws(FileError) -> MarkRules {
        guard let path else { return MarkRules(family: family) }
        return try MarksFile(TextFile.read(path), file: path, family: family, services: services).rules
    }
    /// UDP ports that tunnels of the services and edits use, and the one that IANA gave to GUE.
    public var guePorts: [UInt16] {
        var ports = Set(PacketDescription.defaultGUEPorts)
        for command in services.map(\.command) + editCommands {
            switch command {
            case .addServer(_, _, let settings), .editServer(_, _, let settings):
                if settings.tunnel == .gue, settings.tunnelPort != 0 { ports.insert(settings.tunnelPort) }
            default: break
            }
        }
        return ports.sorted()
    }
}
