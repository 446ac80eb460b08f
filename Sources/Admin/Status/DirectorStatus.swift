public import LVS

/// What a running director says of itself at one moment.
public struct DirectorStatus: Hashable, Sendable {
    /// Of the program that runs.
    public var version = ""
    public var process: Int32 = 0
    /// Seconds since the director began.
    public var uptime: UInt64 = 0
    /// Links to the interfaces that frames are taken from.
    public var interfaces: [Interface] = []
    public var addresses: [Address] = []
    /// What is still to be said of virtual addresses, in any order: it becomes `addresses` on the other side.
    public var holders = VirtualAddressHolders()
    public var services: UInt64 = 0
    public var servers: UInt64 = 0
    /// Connections and templates in the table, how many it can hold, and how many were there before the director began.
    public var connections: UInt64 = 0
    public var capacity: UInt64 = 0
    public var carried: UInt64 = 0
    /// Of all services, as `svs adm -L --stats` and `--rate` count.
    public var sums = Traffic()
    public var rates = Traffic()
    public var verdicts: [Verdict] = []
    /// Neighbours that did not answer when they were asked for their MAC, and since.
    public var failing: [Neighbor] = []
    /// Others on the wires who say that a virtual address is theirs.
    public var claims: [Claim] = []
    /// Services of marks that no rule gives.
    public var unmarked: [String] = []
    /// What the host's own netfilter rules drop is dropped (`--firewall honour`).
    public var honoursFirewall = true
    public var switches: [Switch] = []
    /// Synchronisation daemons: `master eth0 7`, the last being the group's number.
    public var daemons: [String] = []
    /// Entries of a full table that gave way to others: `half-open`, `one-way`, `template`.
    public var gaveWay: [Kind] = []
    /// Flows that the kernel carries past the director; `nil` where it sees every frame.
    public var carrying: Carrying?
    public var controlSteps = ControlSteps()

    public init() {}

    public struct Interface: Hashable, Sendable {
        public enum State: String, Hashable, Sendable {
            case up, down
            /// Up, and nobody at the other end of the cable.
            case noCarrier = "no-carrier"
            /// Not there.
            case gone
        }
        public var name: String
        public var state: State
        public var received: UInt64 = 0
        public var sent: UInt64 = 0
        /// Frames lost, as `LinkCounters` tells them apart.
        public var missed: UInt64 = 0
        public var truncated: UInt64 = 0
        public var queueFull: UInt64 = 0
        public var refused: UInt64 = 0

        public init(name: String, state: State) { (self.name, self.state) = (name, state) }
    }

    /// A virtual address, and who has it: `host`, `director` or `nobody`.
    public struct Address: Hashable, Sendable {
        public var address: String
        public var holder: String

        public init(address: String, holder: String) { (self.address, self.holder) = (address, holder) }
    }

    public struct Traffic: Hashable, Sendable {
        public var connections: UInt64 = 0
        public var packetsIn: UInt64 = 0
        public var packetsOut: UInt64 = 0
        public var bytesIn: UInt64 = 0
        public var bytesOut: UInt64 = 0
        public init() {}
    }

    /// Frames that met a verdict.
    public struct Verdict: Hashable, Sendable {
        public var name: String
        public var frames: UInt64
        /// A second, of the last few seconds.
        public var rate: UInt64

        public init(name: String, frames: UInt64, rate: UInt64) { (self.name, self.frames, self.rate) = (name, frames, rate) }
    }

    /// How often something happened.
    public struct Kind: Hashable, Sendable {
        public var name: String
        public var number: UInt64

        public init(name: String, number: UInt64) { (self.name, self.number) = (name, number) }
    }

    /// Flows that are carried now, frames that were, flows that were handed over, and taken back by reason.
    public struct Carrying: Hashable, Sendable {
        public var flows: UInt64
        public var frames: UInt64
        public var handedOver: UInt64
        public var takenBack: [Kind]

        public init(flows: UInt64, frames: UInt64, handedOver: UInt64, takenBack: [Kind]) {
            (self.flows, self.frames, self.handedOver, self.takenBack) = (flows, frames, handedOver, takenBack)
        }
    }

    /// Steps of work beside the frames, by the processor time that each took: so long frames may have waited for one.
    public struct ControlSteps: Hashable, Sendable {
        /// Upper bounds of the counts, in nanoseconds; what is longer is counted last.
        public static var bounds: [UInt64] { [100_000, 500_000, 1_000_000, 2_000_000] }
        public var counts = [UInt64](repeating: 0, count: bounds.count + 1)
        /// Nanoseconds of all of them, and of the longest.
        public var total: UInt64 = 0
        public var longest: UInt64 = 0

        public init() {}
    }

    public struct Neighbor: Hashable, Sendable {
        public var address: String
        public var interface: String
        /// Servers that are reached by it.
        public var servers: UInt32

        public init(address: String, interface: String, servers: UInt32) {
            (self.address, self.interface, self.servers) = (address, interface, servers)
        }

        public var fault: Fault {
            Fault(
                "neighbor-silent", "\(address) on \(interface) does not answer: \(counted(servers, "server")) cannot be reached",
                cure: "is it up, and on that wire? arping -I \(interface) \(address)")
        }
    }

    /// Somebody else who says that a virtual address is his, by ARP or neighbour discovery.
    public struct Claim: Hashable, Sendable {
        public var address: String
        public var interface: String
        public var mac: String

        public init(address: String, interface: String, mac: String) {
            (self.address, self.interface, self.mac) = (address, interface, mac)
        }

        public var fault: Fault {
            Fault(
                "vip-claimed", "\(mac) on \(interface) claims \(address): what is sent there goes past the director",
                cure: "on that host: svs doctor --server \(address)")
        }
    }

    public struct Switch: Hashable, Sendable {
        public var name: String
        public var value: String
        /// Its value is the one that it has by itself.
        public var isUsual: Bool

        public init(name: String, value: String, isUsual: Bool) { (self.name, self.value, self.isUsual) = (name, value, isUsual) }
    }

    /// What somebody should look at; nothing where all is well. An address that nobody has is no fault as long as another one is
    /// here: a backup waits for it.
    public var faults: [Fault] {
        var faults = interfaces.filter { $0.state != .up }.map { one in
            Fault(
                "interface-\(one.state.rawValue)", "interface \(one.name): \(one.state.rawValue)",
                cure: one.state == .down ? "ip link set \(one.name) up" : "")
        }
        if !addresses.isEmpty, addresses.allSatisfy({ $0.holder == "nobody" }) {
            faults.append(
                Fault(
                    "no-address", "no virtual address is here: nothing is directed",
                    cure: "ip addr add \(addresses[0].address) dev INTERFACE, VRRP, or svs run --own"))
        }
        if services == 0 { faults.append(Fault("no-service", "there is no service")) }
        if connections * 10 >= capacity * 9 {
            faults.append(
                Fault(
                    LVS.Verdict.tableFull.name, "the connection table is nearly full: \(connections) of \(capacity)",
                    cure: "svs run --connections N"))
        }
        faults += failing.filter { $0.servers > 0 }.map(\.fault)
        faults += claims.map(\.fault)
        if let first = unmarked.first {
            let others = unmarked.count > 1 ? " and \(counted(unmarked.count - 1, "other"))" : ""
            faults.append(
                Fault(
                    "marks-missing", "service \(first)\(others): no rule gives packets its mark, so none comes",
                    cure: "svs run --marks FILE, --marks6 FILE or --marks-from-host"))
        }
        return faults
    }
}
