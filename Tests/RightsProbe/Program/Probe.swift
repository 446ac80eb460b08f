import Attempts
import CLinux
import Glibc
import Links
import Linux
import Synchronization
import SystemPackage
import Wire

/// What is left to a process after it has given up its rights.
struct Probe {
    let links: [RingLink]
    private let user: Rights.User
    private let handed: svs_handed

    /// - Parameter names: of two interfaces that are the ends of one wire.
    init(_ name: String, _ other: String, user: String?) throws {
        links = try [name, other].map { try RingLink(RingLink.open(on: $0, filter: .everything, group: nil, slots: 32), position: nil) }
        self.user = try Rights.user(named: user)
        handed = svs_handed(
            packets: links[0].descriptor, other_interface: links[1].interface, datagrams: socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0),
            parent: getppid())
    }

    func run() throws {
        var handed = handed
        try Rights.giveUp(becoming: user, parent: getppid())
        let early = EarlyThread()
        try SystemCallFilter.install()
        tell("user \(user.name)\(user.isSubstitute ? " instead" : "")")
        for line in try FileReader("/proc/self/status").all().split(separator: 10) {
            tell("status \(String(decoding: line, as: UTF8.self))")
        }
        tell("attempt early_thread \(early.attempt())")
        var attempt = svs_attempts()
        while let entry = attempt?.pointee, let name = entry.name, let make = entry.make {
            tell("attempt \(String(cString: name)) \(make(&handed))")
            attempt = attempt?.advanced(by: 1)
        }
        for (name, works) in needs() { tell("need \(name) \(works)") }
    }
}

/// A thread that opens a socket when it is told to.
final class EarlyThread: @unchecked Sendable {
    private var thread = pthread_t()
    private let start = Atomic<Bool>(false)
    private var result: Int32 = -1

    init() {
        pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                let this = Unmanaged<EarlyThread>.fromOpaque(context).takeUnretainedValue()
                while !this.start.load(ordering: .acquiring) { usleep(100) }
                let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
                this.result = descriptor < 0 ? errno : 0
                return nil
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    /// The errno that it got.
    func attempt() -> Int32 {
        start.store(true, ordering: .releasing)
        pthread_join(thread, nil)
        return result
    }
}
