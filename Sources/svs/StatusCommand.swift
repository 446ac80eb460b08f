import Admin
import ArgumentParser

/// `svs status`: how a running director is.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Say how the running director is: links, addresses, traffic, what fails.",
        discussion: """
            Losses of an interface are frames that were not read in time (missed), arrived cut short, found the sending queue \
            full, or were refused by the interface. Rates are those of the last few seconds. Of the switches those are shown \
            that have another value than by themselves; the JSON object has all.

            --check prints what somebody should look at, a line each, and nothing else; its exit status is 1 when there is \
            something: an interface that is not up, no service, none of the virtual addresses here, a table that is nearly \
            full, servers whose neighbour does not answer. That no director answers is status 2.
            """)
    @Flag(help: "One JSON object.") var json = false
    @Flag(help: "Only what is wrong, which the exit status says too.") var check = false
    @Flag(help: "Services and servers with their rates too.") var services = false
    @OptionGroup var reach: ControlOptions

    func validate() throws {
        guard !check || !json && !services else { throw ValidationError("--check stands alone") }
    }

    func run() throws {
        let faults = try withClearErrors {
            let client = try reach.client()
            let status = try client.status()
            if check {
                print(status.faults.isEmpty ? "fine\n" : status.faults.map { $0.text + "\n" }.joined(), terminator: "")
                return status.faults
            }
            let inventory = services ? try client.inventory() : nil
            if json {
                print(StatusJSON.text(status, services: inventory.map { ListingJSON.services($0) }), terminator: "")
            } else {
                let request = ListRequest(columns: .rates, numeric: true)
                let listing = inventory.flatMap { Listing.text(request, of: $0, names: SystemNames()) }
                print(StatusText(status, services: listing ?? "").text, terminator: "")
            }
            return []
        }
        if !faults.isEmpty { Terminal.exit(1) }
    }
}
