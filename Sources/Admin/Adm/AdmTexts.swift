import Glibc
import LVS
internal import SystemPackage

/// ipvsadm's words for what a director answers.
enum AdmTexts {
    static let version = "ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)"

    /// The text for an errno, which depends on the command that was refused; `nil` is a listing.
    static func refusal(_ errno: Int32, of command: Command?) -> String {
        switch (command, errno) {
        case (.addService, EEXIST): "Service already exists"
        case (.addService, ENOENT), (.editService, ENOENT): "Scheduler or persistence engine not found"
        case (.editService, ESRCH), (.deleteService, ESRCH), (.zero, ESRCH), (nil, ESRCH): "No such service"
        case (.addServer, ESRCH), (.editServer, ESRCH), (.deleteServer, ESRCH): "Service not defined"
        case (.addServer, EEXIST): "Destination already exists"
        case (.editServer, ENOENT), (.deleteServer, ENOENT): "No such destination"
        case (.startDaemon, EEXIST): "Daemon has already run"
        case (.stopDaemon, ESRCH): "No daemon is running"
        case (_, EPERM): "Permission denied (you must be root)"
        case (_, EINVAL): "Invalid operation.  Possibly wrong module version, address not unicast, ..."
        case (_, ENOPROTOOPT): "Protocol not available"
        case (_, ENOMEM): "Memory allocation problem"
        case (_, EOPNOTSUPP): "Operation not supported with IPv6"
        case (_, EAFNOSUPPORT): "Operation not supported with specified address family"
        case (_, EMSGSIZE): "Module is wrong version"
        default: Errno(rawValue: errno).description
        }
    }
}
