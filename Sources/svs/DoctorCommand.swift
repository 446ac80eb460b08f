import Admin
import ArgumentParser
import Host
import Runtime
import Wire

/// `svs doctor`: what is wrong around a director or on a real server, and what cures it.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Find what is wrong around a director, or on a real server, and say what cures it.",
        discussion: """
            On a director: what 'svs status --check' says; servers that are not reached as their method needs it; interfaces that merge \
            packets; the kernel's own IPVS beside it; and, asked by ARP, who else on its wires answers for a virtual address. Needs \
            root, in the director's network namespace.

            With --server on a real server for direct routing or tunnelling: whether it has the virtual addresses, quietly \
            (arp_ignore, arp_announce), and takes what comes out of a tunnel (rp_filter). Nothing is changed.

            Exit status: 0 nothing found, 1 something, 2 it could not look.
            """)
    @Flag(help: "This host is a real server of these virtual addresses.") var server = false
    @Argument(help: ArgumentHelp("Virtual addresses, with --server.", valueName: "address")) var addresses: [String] = []
    @Flag(help: "One JSON list.") var json = false
    @OptionGroup var reach: ControlOptions

    func validate() throws {
        guard server != addresses.isEmpty else {
            throw ValidationError(server ? "--server: name the virtual addresses" : "virtual addresses are named with --server")
        }
    }

    func run() throws {
        let faults = try withClearErrors {
            guard !server else {
                return try ServerDoctor(
                    addresses.map { word in
                        guard let address = IPAddress(word) else { throw CommandFailure("\(word): no address") }
                        return address
                    }
                ).faults
            }
            let missing = Capabilities.effective.missing(.netRaw)
            guard missing.isEmpty else { throw CommandFailure("missing capability: \(missing.joined()) (run as root)") }
            let client = try reach.client()
            return try DirectorDoctor(client.status(), client.inventory()).faults
        }
        print(json ? Fault.json(of: faults) : faults.isEmpty ? "fine\n" : Fault.text(of: faults), terminator: "")
        if !faults.isEmpty { Terminal.exit(1) }
    }
}
