internal import CLinux
internal import Clibseccomp
internal import Glibc
internal import SystemPackage

/// What of the kernel a director can reach after its start: the calls of `allowed`, nothing else (seccomp(2)).
///
/// What is refused fails with EPERM, and is written to standard error once for each call. Sending by a packet socket to an
/// interface that it is not bound to is the one thing that a filter cannot see: the address lies in memory.
public enum SystemCallFilter {
    /// Puts the filter in force, for all threads that there are and will be, for children, and for good.
    public static func install() throws(RightsError) {
        // The C library's databases of names may be modules of their own; later no code can be mapped.
        _ = getservbyport(0, "tcp")
        guard let filter = seccomp_init(SCMP_ACT_TRAP) else { throw .refused("make a system call filter", .noMemory) }
        defer { seccomp_release(filter) }
        try set(filter, SCMP_FLTATR_CTL_TSYNC, 1)
        // A call of another machine's numbers (32 bits on 64) comes from nothing that was compiled into this program.
        try set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS)
        // Older kernels would slow down the whole process, against code that spies on its own process.
        try set(filter, SCMP_FLTATR_CTL_SSB, 1)
        // A tree instead of a list; since Linux 5.11 calls that are always allowed do not even get there.
        try set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2)
        for call in allowed { try add(call, to: filter) }
        for answer in answered { try add(answer, to: filter) }
        nameCalls()
        try check(svs_report_refusals(), "hear of refused system calls")
        try check(seccomp_load(filter), "put the system call filter in force")
    }

    private static func add(_ calls: AllowedCalls, to filter: scmp_filter_ctx) throws(RightsError) {
        for name in calls.names {
            if calls.conditions.isEmpty { try add(name, SCMP_ACT_ALLOW, [], to: filter) }
            for condition in calls.conditions { try add(name, SCMP_ACT_ALLOW, condition.comparisons, to: filter) }
        }
    }

    private static func add(_ answer: Answer, to filter: scmp_filter_ctx) throws(RightsError) {
        // SCMP_ACT_ERRNO.
        try add(answer.call, 0x0005_0000 | UInt32(answer.errno), answer.comparisons, to: filter)
    }

    private static func add(_ name: String, _ action: UInt32, _ comparisons: [ArgumentComparison], to filter: scmp_filter_ctx)
        throws(RightsError)
    {
        let number = seccomp_syscall_resolve_name(name)
        guard number != __NR_SCMP_ERROR else { throw .refused("allow the system call \(name)", .noFunction) }
        // Below zero stand calls that this machine does not have.
        guard number >= 0 else { return }
        let arguments = comparisons.map(\.rule)
        try check(
            seccomp_rule_add_array(filter, action, number, UInt32(arguments.count), arguments), "make a rule for the system call \(name)")
    }

    /// The names that refused calls are reported by.
    private static func nameCalls() {
        for number in 0..<Int32(SVS_SYSTEM_CALLS) {
            guard let name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), number) else { continue }
            svs_name_system_call(number, name)
            free(name)
        }
    }

    private static func set(_ filter: scmp_filter_ctx, _ attribute: scmp_filter_attr, _ value: UInt32) throws(RightsError) {
        try check(seccomp_attr_set(filter, attribute, value), "set up the system call filter")
    }

    private static func check(_ result: Int32, _ step: String) throws(RightsError) {
        guard result < 0 else { return }
        // libseccomp's word for threads that have filters of their own.
        throw .refused(step, result == 0 &- ECANCELED ? .permissionDenied : Errno(rawValue: 0 &- result))
    }
}

extension ArgumentComparison {
    fileprivate var rule: scmp_arg_cmp {
        switch self {
        case .equal(let argument, let value): scmp_arg_cmp(arg: argument, op: SCMP_CMP_EQ, datum_a: value, datum_b: 0)
        case .not(let argument, let value): scmp_arg_cmp(arg: argument, op: SCMP_CMP_NE, datum_a: value, datum_b: 0)
        case .masked(let argument, let mask, let value):
            scmp_arg_cmp(arg: argument, op: SCMP_CMP_MASKED_EQ, datum_a: mask, datum_b: value)
        }
    }
}
