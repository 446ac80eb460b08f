import Admin
import ArgumentParser
import Host
import LVS
import Runtime
import Wire

/// `svs doctor`: what is wrong around a director or on a real server, and what cures it.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Find what is wrong around a director, or on a real server, and say what cures it.",
        discussion: """
            On a director: what 'svs status --check' says; servers that are not reached as their method needs it; interfaces that merge \
            packets; the kernel's own IPVS beside it; and, asked by ARP, who else on its wires answers for a virtual address. Needs \
            root, in the director's network namespace. Virtual addresses that are named are the only ones that it looks at, with \
            their services and servers.

            With --server on a real server for direct routing or tunnelling: whether it has the virtual addresses, quietly \
            (arp_ignore, arp_announce), and takes what comes out of a tunnel (rp_filter). Nothing is changed.

            Exit status: 0 nothing found, 1 something, 2 it could not look.
            """)
    @Flag(help: "This host is a real server of these virtual addresses.") var server = false
    @Argument(
        help: ArgumentHelp("Virtual addresses (default: all of the director's; with --server they have to be named).", valueName: "address")
    )
    var addresses: [String] = []
    @Flag(help: "One JSON list.") var json = false
    @OptionGroup var reach: ControlOptions

    func validate() throws {
        guard !server || !addresses.isEmpty else { throw ValidationError("--server: name the virtual addresses") }
    }

    func run() throws {
        let faults = try withClearErrors {
            let addresses = try addresses.map { word in
                guard let address = IPAddress(word) else { throw CommandFailure("\(word): no address") }
                return address
            }
            guard !server else { return try ServerDoctor(addresses).faults }
            let missing = Capabilities.effective.missing(.netRaw)
            guard missing.isEmpty else { throw CommandFailure("missing capability: \(missing.joined()) (run as root)") }
            let client = try reach.client()
            let inventory = try client.inventory()
            for address in addresses where !inventory.services.contains(where: { $0.key.mark == 0 && $0.key.address == address }) {
                throw CommandFailure("\(address): no service of the director has this address")
            }
            return try DirectorDoctor(client.status(), inventory, at: addresses).faults
        }
        print(json ? Fault.json(of: faults) : faults.isEmpty ? "fine\n" : Fault.text(of: faults), terminator: "")
        if !faults.isEmpty { Terminal.exit(1) }
    }
}
