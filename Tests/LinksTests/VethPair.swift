import CLinux
import Glibc
import LinkKit
import Links
import Wire

/// A network namespace of its own that vanishes with the object. Sockets that are opened inside may be used from any
/// thread, as a socket stays in its namespace.
final class Namespace {
    static let isPossible =
        geteuid() == 0
        && ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"].contains { (path: String) in access(path, X_OK) == 0 }
    private let descriptor: Int32

    init() throws {
        descriptor = onThread {
            guard svs_namespace_new() == 0 else { return -1 }
            return Glibc.open("/proc/self/task/\(svs_thread_id())/ns/net", O_RDONLY | O_CLOEXEC)
        }
        if descriptor < 0 { throw LinkError("no new network namespace: \(String(cString: strerror(errno)))") }
        // Without IPv6 a new interface keeps silent.
        write("1", to: "/proc/sys/net/ipv6/conf/default/disable_ipv6")
    }

    /// Sets a sysctl of the namespace.
    func write(_ value: String, to path: String) {
        inside {
            let file = Glibc.open(path, O_WRONLY)
            Glibc.write(file, value, value.utf8.count)
            close(file)
        }
    }

    deinit { close(descriptor) }

    /// What `ip link set … netns` takes.
    var path: String { "/proc/\(getpid())/fd/\(descriptor)" }

    /// Runs `body` on a thread inside the namespace.
    @discardableResult
    func inside<Result>(_ body: @escaping () -> Result) -> Result {
        let descriptor = descriptor
        return onThread {
            let entered = svs_namespace_enter(descriptor)
            precondition(entered == 0)
            return body()
        }
    }

    /// Runs `ip` with these arguments.
    func ip(_ arguments: String) throws {
        let status = inside { () -> Int32 in
            var words = (["ip"] + arguments.split(separator: " ").map(String.init)).map { strdup($0) } + [nil]
            defer { for word in words { free(word) } }
            var child = pid_t()
            guard posix_spawnp(&child, "ip", nil, nil, &words, environ) == 0 else { return -1 }
            var status: Int32 = 0
            waitpid(child, &status, 0)
            return status
        }
        if status != 0 { throw LinkError("ip \(arguments): status \(status)") }
    }

    /// Waits until these interfaces carry frames: the kernel needs a moment after `up`.
    func awaitCarrier(_ names: Set<String>) throws {
        for _ in 0..<1000 {
            let running = inside { () -> Set<String> in
                var first: UnsafeMutablePointer<ifaddrs>?
                guard getifaddrs(&first) == 0 else { return [] }
                defer { freeifaddrs(first) }
                return Set(
                    sequence(first: first, next: { $0?.pointee.ifa_next }).compactMap { entry in
                        guard let entry, entry.pointee.ifa_flags & UInt32(IFF_RUNNING) != 0 else { return nil }
                        return String(cString: entry.pointee.ifa_name)
                    })
            }
            if running.isSuperset(of: names) { return }
            usleep(2000)
        }
        throw LinkError("no carrier on \(names)")
    }

    func link<Opened: LiveLink>(_ type: Opened.Type, _ name: String, _ filter: PacketFilter, _ group: UInt16?) throws
        -> Opened
    {
        try inside { Result { try Opened(on: name, filter: filter, group: group) } }.get()
    }
}

/// Two interfaces joined by a cable in a namespace of their own:
///
///     near (02::01) ════════ far (02::02)
struct VethPair {
    let namespace: Namespace

    init() throws {
        namespace = try Namespace()
        try join()
    }

    /// Makes the two interfaces.
    func join() throws {
        try namespace.ip("link add near address 02:00:00:00:00:01 type veth peer name far address 02:00:00:00:00:02")
        try namespace.ip("link set near up")
        try namespace.ip("link set far up")
        try namespace.awaitCarrier(["near", "far"])
    }
}

/// Runs `body` on a thread that ends with it.
func onThread<Result>(_ body: @escaping () -> Result) -> Result {
    var result: Result?
    let work = Unmanaged.passRetained(Work { result = body() })
    var thread = pthread_t()
    pthread_create(
        &thread, nil,
        { pointer in
            if let pointer { Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().body() }
            return nil
        }, work.toOpaque())
    pthread_join(thread, nil)
    return result!
}

private final class Work {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
}

/// A frame that a live link delivered.
struct Arrival: Equatable {
    var bytes: [UInt8]
    var offload: Offload
    var headroom: Int32
    var ingress: Int32
}

extension LiveLink {
    /// What arrives until there are `count` frames, or nothing came for `patience` milliseconds.
    func collect(_ count: Int, patience: Int32 = 2000) throws -> [Arrival] {
        var batch = Batch(capacity: 64)
        var arrivals: [Arrival] = []
        while arrivals.count < count || !wantsPoll {
            batch.removeAll()
            try receive(into: &batch)
            for index in 0..<batch.count {
                let frame = batch[index]
                arrivals.append(
                    Arrival(
                        bytes: frame.bytes.array, offload: frame.offload, headroom: frame.headroom,
                        ingress: frame.ingress))
            }
            if wantsPoll, arrivals.count < count {
                var watch = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                if poll(&watch, 1, patience) == 0 { break }
            }
        }
        return arrivals
    }

    /// Sends frames, as an engine would that had received them elsewhere.
    func send(_ frames: [MemoryLink.Copy]) throws {
        let source = MemoryLink(interface: 99)
        for frame in frames { source.arrive(frame.bytes, offload: frame.offload) }
        var batch = Batch(capacity: 64)
        while !source.waiting.isEmpty {
            batch.removeAll()
            try source.receive(into: &batch)
            for index in 0..<batch.count { batch[index].egress = interface }
            try transmit(batch)
        }
    }
}
