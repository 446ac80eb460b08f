import ArgumentParser
import Glibc
import Linux
import Web

/// `svs web`: metrics and a page for browsers.
struct WebCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "web", abstract: "Serve metrics and a live page of the running director.",
        discussion: """
            A process of its own, without rights: started as root it becomes nobody of the group svs. It looks at the director over \
            the socket at which nobody may command (svs run --monitor), at most once a second however many look at it, and not \
            at all while nobody does. Where the director does not answer it says so and shows what it knows.

            /metrics is for Prometheus: node_ipvs_* with the names and labels of node_exporter, and svs_*; with ?servers=all also the \
            traffic of each server. / is the page, /status.json what svs status says to programs.

            There is no password, and nothing can be changed: who is to look from elsewhere comes by a proxy that asks who \
            he is, or by ssh -L.
            """)
    @Option(help: ArgumentHelp("Where to listen.", valueName: "address:port")) var listen = "127.0.0.1:9106"
    @Option(
        help: ArgumentHelp("Another name by which browsers may ask, such as a proxy's; repeat for more.", valueName: "name"))
    var host: [String] = []
    @Option(
        help: ArgumentHelp("The director's socket for those who look.", valueName: "path"),
        completion: .file())
    var monitor = RunOptions.usualMonitor
    @Option(help: ArgumentHelp("User to become when started as root; without it nobody.", valueName: "name")) var user: String?

    func validate() throws {
        guard WebListener.place(listen) != nil else {
            throw ValidationError("--listen: '\(listen)' is not ADDRESS:PORT (of IPv6 [ADDRESS]:PORT)")
        }
        guard !host.contains("") else { throw ValidationError("--host: a name, without its port") }
    }

    func run() throws {
        try withClearErrors {
            guard let place = WebListener.place(listen) else { return }
            let listener = try WebListener(place.address, port: place.port)
            _ = signal(SIGPIPE, SIG_IGN)
            if geteuid() == 0 { try Rights.giveUp(becoming: Rights.canChangeUser ? Rights.onlooker(named: user) : nil, parent: nil) }
            let observer = try Observer(RunningDirector(path: monitor))
            let site = Site(observer, Explainer(path: monitor), hosts: AllowedHosts(place.address, host))
            Terminal.complain("listening at \(listener.url)")
            try Waiting.run { try await WebServer(listener, site).run() }
        }
    }
}

/// A thread that waits for work of others.
private enum Waiting {
    /// Runs until that has failed.
    static func run(_ work: @escaping @Sendable () async throws -> Void) throws {
        final class Outcome: @unchecked Sendable { var error: (any Error)? }
        let outcome = Outcome(), wakeup = try Wakeup()
        // Of the main thread's priority its threads would want to be more urgent than others, which takes a right.
        Task(priority: .medium) {
            do { try await work() } catch { outcome.error = error }
            wakeup.raise()
        }
        var ready = pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0)
        while poll(&ready, 1, -1) < 1 {}
        if let error = outcome.error { throw error }
    }
}
