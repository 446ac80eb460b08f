import Admin
import Carrying
import Host
import LVS
import Links
import Linux
import Wire

extension EventLoop {
    /// What a director runs with; in a test some of it is made up.
    struct Setup {
        /// Links that frames are taken from, and the names of their interfaces.
        var links: [any Link]
        var interfaces: [String]
        var network: any NetworkSource
        var requests: any HostRequests
        /// Says when the host's netfilter rules change; without it they are read with the files only.
        var rulesChanges: RulesetNotifications?
        var control: ControlServer
        var signals: Signals
        var files: RunFiles
        var log: Log
        /// Nanoseconds for which frames are looked for before the loop sleeps.
        var busyPoll: Instant = 0
        /// Threads that send what the loop directs; without them it sends itself.
        var threads: SendingThreads?
        /// What carries established flows past the loop.
        var carrier: KernelCarrier?
        /// Where clients come from that another process has accepted.
        var clients: (any ClientSource)?
        /// What an earlier director was told, and where is written down what this one is told.
        var journal: (recalled: RecalledState, recorder: JournalRecorder)?
        /// The host's rules are those that an earlier director read: they are read again, while frames are directed.
        var areRulesRecalled = false
        /// The wires are asked who has the virtual addresses.
        var asksForAddresses = false
        /// Says each command of a client.
        var commandLog: CommandLog?
    }

    /// What a ready descriptor is; links are numbered from `firstLink`.
    enum Token {
        static let signals: UInt64 = 0, network: UInt64 = 1, control: UInt64 = 2, reload: UInt64 = 3, rulesChanges: UInt64 = 4
        static let rulesReload: UInt64 = 5, clients: UInt64 = 6, follow: UInt64 = 7, sync: UInt64 = 8, firstLink: UInt64 = 16
        /// Of those below `firstLink`, for people.
        static let names = ["signals", "network", "control", "files", "rules", "rules", "clients", "host", "sync"]
    }
}
