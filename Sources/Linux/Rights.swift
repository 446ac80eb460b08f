internal import CLinux
internal import Glibc
public import SystemPackage

/// What a process may do, given up for good.
public enum Rights {
    /// The user that a process has become.
    public struct User: Hashable, Sendable {
        public var name: String
        public var id: UInt32
        public var group: UInt32
        /// The usual user is not there, and `nobody` stands in for it.
        public var isSubstitute = false
    }

    /// The user that the package makes.
    public static let usualUser = "svs"
    private static let substitute = "nobody"

    /// The user of this name; without a name the usual one, else `nobody`.
    public static func user(named name: String?) throws(RightsError) -> User {
        guard let name else {
            if let usual = try lookUp(usualUser) { return usual }
            guard var found = try lookUp(substitute) else { throw .noSuchUser(usualUser) }
            found.isSubstitute = true
            return found
        }
        guard let found = try lookUp(name) else { throw .noSuchUser(name) }
        return found
    }

    /// Those who may look at a director: the group that has the usual user's name, else that of who stands in for him.
    public static var usualGroup: UInt32? { getgrnam(usualUser)?.pointee.gr_gid ?? getpwnam(substitute)?.pointee.pw_gid }

    /// Somebody who may look at a director, and nothing else: the user of this name, else `nobody`, in the group of those.
    public static func onlooker(named name: String?) throws(RightsError) -> User {
        let name = name ?? substitute
        guard var found = try lookUp(name) else { throw .noSuchUser(name) }
        found.group = usualGroup ?? found.group
        return found
    }

    /// Whether a process may become another user. In a container it often may not.
    public static var canChangeUser: Bool { missingCapabilities().isEmpty }

    /// Becomes that user and gives up every right besides: groups, capabilities with their bounding set, new privileges by a
    /// program (no_new_privs). Leaves no core file and cannot be traced, because its memory holds the traffic of others; ends
    /// when its parent ends (PR_SET_PDEATHSIG). To be called before there is a second thread; needs CAP_SETUID, CAP_SETGID
    /// and CAP_SETPCAP.
    /// - Parameters:
    ///   - user: without one it stays who it is, which needs no capability; all of them are gone then too.
    ///   - parent: the process that must be the parent; had it ended before, nobody would tell. Without one the process ends when it
    ///     pleases.
    public static func giveUp(becoming user: User?, parent: Int32?) throws(RightsError) {
        let threads = svs_thread_count()
        guard threads == 1 else { throw .hasThreads(Int(threads)) }
        let missing = missingCapabilities()
        if let user, !missing.isEmpty { throw .missing(missing, user: user.name) }
        var step: UnsafePointer<CChar>?
        let result = svs_give_up_rights(user?.id ?? UInt32(SVS_SAME_USER), user?.group ?? 0, parent ?? 0, &step)
        guard result != 0 &- ESRCH else { throw .orphaned(parent: parent ?? 0) }
        guard result == 0 else {
            throw .refused(step.map { String(cString: $0) } ?? "give up rights", Errno(rawValue: 0 &- result))
        }
    }

    private static func lookUp(_ name: String) throws(RightsError) -> User? {
        errno = 0
        guard let entry = getpwnam(name) else {
            let failure = errno
            // Each of these is somebody's way to say that there is no such user (getpwnam(3)).
            guard [0, ENOENT, ESRCH, EBADF, EPERM].contains(failure) else {
                throw .refused("look up user \(name)", Errno(rawValue: failure))
            }
            return nil
        }
        guard entry.pointee.pw_uid != 0 else { throw .allPowerful(name) }
        return User(name: name, id: entry.pointee.pw_uid, group: entry.pointee.pw_gid)
    }

    private static func missingCapabilities() -> [String] {
        var effective: UInt64 = 0
        _ = svs_capabilities(&effective)
        return [(6, "CAP_SETGID"), (7, "CAP_SETUID"), (8, "CAP_SETPCAP")].filter { effective & 1 << $0.0 == 0 }.map(\.1)
    }
}

/// Why a process could not give up its rights.
public enum RightsError: Error, Hashable, Sendable, CustomStringConvertible {
    case noSuchUser(String)
    /// The user is root by another name.
    case allPowerful(String)
    /// Capabilities that are needed to become the user.
    case missing([String], user: String)
    /// Other threads would keep their rights.
    case hasThreads(Int)
    /// The process that should be the parent has ended.
    case orphaned(parent: Int32)
    /// The kernel, or libseccomp for it, refused a step.
    case refused(String, Errno)

    public var description: String {
        switch self {
        case .noSuchUser(let name): "user \(name) does not exist"
        case .allPowerful(let name): "user \(name) has all rights (uid 0): name another one"
        case .missing(let capabilities, let user):
            "cannot become user \(user): missing capability: \(capabilities.joined(separator: " and ")) (start it as root)"
        case .hasThreads(let count): "cannot give up rights in a process of \(count) threads"
        case .orphaned(let parent): "process \(parent), which started this one, has ended"
        case .refused(let step, let errno): "cannot \(step): \(errno)"
        }
    }
}
