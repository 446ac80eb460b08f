public import Admin
internal import Glibc
internal import Linux
internal import SystemPackage

/// The files that describe one director host and the frames that reach it: a case folder, or files named one by one.
public struct CaseFiles: Sendable {
    /// A pcap file and the interface it belongs to; without a name, the first Ethernet link of the network file.
    public struct Capture: Sendable, Hashable {
        public var interface: String?
        public var path: String
        public init(interface: String?, path: String) {
            self.interface = interface
            self.path = path
        }
    }

    public var services: String
    public var network: String
    public var marks: String?
    public var marks6: String?
    /// The netfilter rules of the host.
    public var firewall: String?
    public var sysctl: String?
    public var edits: String?
    /// How the director was started.
    public var run: String?
    /// Connections that the director knew when the case began.
    public var connections: String?
    public var inputs: [Capture]
    /// Offload headers of an input, by the interface's name (`""` for the first Ethernet link).
    public var offloads: [String: String] = [:]

    public init(
        services: String, network: String, inputs: [Capture], marks: String? = nil, marks6: String? = nil,
        sysctl: String? = nil, edits: String? = nil
    ) {
        self.services = services
        self.network = network
        self.inputs = inputs
        self.marks = marks
        self.marks6 = marks6
        self.sysctl = sysctl
        self.edits = edits
    }

    /// The files of a case folder: `services`, `network` and `in.pcap` or `in.IF.pcap`, the rest where it is there.
    public init(folder: String) throws(FileError) {
        let names = try Self.names(in: folder)
        func path(_ name: String) -> String { folder.hasSuffix("/") ? folder + name : folder + "/" + name }
        func present(_ name: String) -> String? { names.contains(name) ? path(name) : nil }
        for name in ["services", "network"] where !names.contains(name) {
            throw FileError(file: folder, text: "a case needs a file '\(name)', and there is none")
        }
        var inputs: [Capture] = []
        var offloads: [String: String] = [:]
        for name in names.sorted() {
            if let interface = Self.interface(of: name, between: "in", and: "pcap")
                ?? Self.interface(of: name, between: "in", and: "pcapng")
            {
                inputs.append(Capture(interface: interface.isEmpty ? nil : interface, path: path(name)))
            } else if let interface = Self.interface(of: name, between: "in", and: "vnet") {
                offloads[interface] = path(name)
            }
        }
        guard !inputs.isEmpty else {
            throw FileError(file: folder, text: "a case needs a file 'in.pcap' or 'in.IF.pcap', and there is none")
        }
        self.init(
            services: path("services"), network: path("network"), inputs: inputs, marks: present("marks"),
            marks6: present("marks6"), sysctl: present("sysctl"), edits: present("edits"))
        self.offloads = offloads
        firewall = present("firewall")
        run = present("run")
        connections = present("connections")
    }

    /// The interface in the middle of `in.IF.pcap`, empty for `in.pcap`; `nil` for other names.
    static func interface(of name: String, between start: String, and end: String) -> String? {
        if name == "\(start).\(end)" { return "" }
        guard name.hasPrefix(start + "."), name.hasSuffix("." + end), name.utf8.count > start.utf8.count + end.utf8.count + 2 else {
            return nil
        }
        return String(name.dropFirst(start.count + 1).dropLast(end.count + 1))
    }

    static func names(in folder: String) throws(FileError) -> Set<String> {
        guard let directory = opendir(folder) else {
            throw FileError(file: folder, .latest)
        }
        defer { closedir(directory) }
        var names: Set<String> = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            names.insert(name)
        }
        return names
    }
}
