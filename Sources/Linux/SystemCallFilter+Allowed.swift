internal import Glibc

extension SystemCallFilter {
    /// Everything that is allowed; docs/security.md shows it. What each packet needs stands there without conditions: the
    /// kernel then decides without running the filter.
    public static var allowed: [AllowedCalls] {
        packets + waiting + memory + threads + files + descriptors + itself
    }

    private static let packets = [
        AllowedCalls("recvmmsg recvmsg recvfrom sendmmsg sendmsg", "frames, the keeper, clients, what the kernel tells of the network"),
        AllowedCalls("sendto", only: [ArgumentCondition("without an address", .equal(4, 0))], "answers to clients and to the keeper"),
        AllowedCalls("read write readv writev", "TUN devices, signals, wakeups, the log"),
        AllowedCalls(
            "getsockopt",
            only: [
                option("PACKET_STATISTICS", level: packetLevel, 6), option("SO_ERROR", level: socketLevel, 4),
                option("SO_PEERCRED", level: socketLevel, 17), option("SO_PEEK_OFF", level: socketLevel, 42),
            ], "frames that the kernel dropped, what became of an interface, who a client is and what of it was looked at"),
        AllowedCalls(
            "setsockopt",
            only: [
                option("SO_ATTACH_FILTER", level: socketLevel, 26), option("SO_PEEK_OFF", level: socketLevel, 42),
            ], "which packets of its interface a packet socket takes; where a client's next question begins"),
        AllowedCalls(
            "ioctl",
            only: [
                ArgumentCondition("SIOCGIFINDEX", .equal(1, 0x8933)), ArgumentCondition("SIOCGIFFLAGS", .equal(1, 0x8913)),
                ArgumentCondition("SIOCGIFMTU", .equal(1, 0x8921)),
            ], "whether an interface is there and up"),
    ]

    private static let waiting = [
        AllowedCalls("epoll_wait epoll_pwait epoll_pwait2 poll ppoll", "waiting for frames, clients and signals"),
        AllowedCalls("epoll_ctl epoll_create1 eventfd2 pipe2", "what is waited for; the answer of a copy of the process"),
        AllowedCalls(
            "clock_gettime clock_getres gettimeofday time nanosleep clock_nanosleep restart_syscall", "time; most of it without the kernel"),
        AllowedCalls("setitimer", "a copy of the process looks whether somebody still waits for its answer"),
    ]

    private static let memory = [
        AllowedCalls("brk munmap mremap madvise", "memory"),
        AllowedCalls(
            "mmap mprotect", only: [ArgumentCondition("without PROT_EXEC", .masked(2, mask: UInt64(PROT_EXEC), 0))],
            "memory and rings, never as code"),
        AllowedCalls(
            "bpf",
            only: [
                command("BPF_MAP_LOOKUP_ELEM", 1, at: 0), command("BPF_MAP_UPDATE_ELEM", 2, at: 0),
                command("BPF_MAP_LOOKUP_AND_DELETE_ELEM", 21, at: 0),
            ], "flows that the kernel carries: elements of maps whose descriptors the keeper gave"),
        AllowedCalls("memfd_create ftruncate", "long texts for the keeper"),
        AllowedCalls(
            "fallocate", only: [ArgumentCondition("to have memory", .equal(1, 0))], "memory for connections and commands, before it is used"
        ),
    ]

    private static let threads = [
        AllowedCalls("futex", "locks"),
        AllowedCalls(
            "clone",
            only: [
                ArgumentCondition("as a thread", .equal(0, 0x3d_0f00)),
                ArgumentCondition("as fork", .equal(0, 0x120_0000 | UInt64(SIGCHLD))),
            ], "files are read by a thread; svs explain and svs record ask a copy of the process"),
        AllowedCalls("wait4 waitid", "the end of such a copy"),
        AllowedCalls("set_robust_list rseq sched_yield sched_getaffinity getcpu", "the C library's threads and memory"),
        AllowedCalls(
            "prctl",
            only: [
                ArgumentCondition("PR_SET_NAME", .equal(0, 15)),
                ArgumentCondition("PR_SET_PDEATHSIG with SIGKILL", .equal(0, 1), .equal(1, UInt64(SIGKILL))),
            ], "names of threads; a copy of the process ends with it"),
        AllowedCalls("prlimit64", only: [ArgumentCondition("of itself", .equal(0, 0))], "a copy of the process has little time"),
        AllowedCalls("exit exit_group", "the end"),
    ]

    /// Everything with which a file could be made or changed; O_ACCMODE, O_CREAT, O_TRUNC, O_APPEND and O_TMPFILE's own bit.
    private static let writing = UInt64(O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | 0o20000000)

    private static let files = [
        AllowedCalls(
            "openat",
            only: [
                ArgumentCondition(
                    "for reading alone: without O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND, O_TMPFILE", .masked(2, mask: writing, 0))
            ], "the host's switches in /proc/sys/net, names in /etc/services"),
        AllowedCalls("pread64 lseek fstat newfstatat statx getdents64", "reading what is open"),
    ]

    private static let descriptors = [
        AllowedCalls("close dup", "descriptors"),
        AllowedCalls(
            "fcntl",
            only: [
                command("F_DUPFD", 0), command("F_GETFD", 1), command("F_SETFD", 2), command("F_GETFL", 3), command("F_SETFL", 4),
                command("F_DUPFD_CLOEXEC", 1030), command("F_ADD_SEALS", 1033), command("F_GET_SEALS", 1034),
            ], "descriptors that do not block, and texts for the keeper that nobody changes any more"),
    ]

    private static var itself: [AllowedCalls] {
        let own = ArgumentCondition("to itself", .equal(0, UInt64(getpid())))
        return [
            AllowedCalls("getpid gettid getppid getuid geteuid getgid getegid sysinfo getrandom", "what it is; random numbers"),
            AllowedCalls("rt_sigprocmask rt_sigreturn sigaltstack", "signals"),
            AllowedCalls(
                "rt_sigaction", only: [ArgumentCondition("but for SIGSYS", .not(0, UInt64(SIGSYS)))], "signals; refusals stay reported"),
            AllowedCalls("kill tgkill", only: [own], "ending itself where something must not be (abort)"),
        ]
    }

    /// A call that is refused without the signal, because the C library makes it with all signals blocked.
    struct Answer {
        var call: String
        var comparisons: [ArgumentComparison]
        var errno: Int32
    }

    static let answered = [
        // Its flags lie in memory; the C library then takes clone, whose flags can be looked at.
        Answer(call: "clone3", comparisons: [], errno: ENOSYS),
        // posix_spawn (CLONE_VFORK): other programs are not for it.
        Answer(call: "clone", comparisons: [.masked(0, mask: 0x4000, 0x4000)], errno: EPERM),
    ]

    private static let socketLevel: UInt64 = 1, packetLevel: UInt64 = 263

    private static func option(_ words: String, level: UInt64, _ number: UInt64) -> ArgumentCondition {
        ArgumentCondition(words, .equal(1, level), .equal(2, number))
    }

    private static func command(_ words: String, _ number: UInt64, at place: UInt32 = 1) -> ArgumentCondition {
        ArgumentCondition(words, .equal(place, number))
    }
}
