internal import CLinux
internal import Glibc
internal import Linux
internal import Runtime
internal import SystemPackage

/// Where a keeper's memory is a file, so that the next keeper finds it: DIR/NAME on a tmpfs, which only one keeper has at a
/// time and only its user may enter.
final class StateFolder {
    /// What lies in it, beside `lock`.
    enum File: String, CaseIterable {
        /// What directors were told.
        case journal
        /// What they know.
        case connections
        /// The same in the layout of another build or another size of the table, on its way into `connections`.
        case earlier = "connections.earlier"
    }

    /// By which name this process leaves its lock to another program that it becomes.
    static let lockName = "lock"

    let path: String
    private let folder: HeldDescriptor
    /// In force as long as anybody has a copy of it: directors have one, so that no two of them ever share the memory.
    let lock: HeldDescriptor

    /// How long a folder is waited for whose keeper is just ending.
    private static let patience = 200, pause: UInt32 = 10_000

    /// Why a folder cannot be had.
    struct Refusal: Error {
        let told: RunError
        /// Another keeper has it.
        var isTaken = false
    }

    /// Opens the folder, or makes it, and takes it over.
    /// - Parameter earlier: the lock that this process had as another program; it is in force already.
    init(_ place: Keeper.StatePlace, inheriting earlier: HeldDescriptor? = nil) throws(Refusal) {
        path = "\(place.directory)/\(place.name)"
        let opened = svs_folder_open(place.directory, place.name)
        guard opened >= 0 else { throw Refusal(told: Self.error(path, -opened)) }
        folder = HeldDescriptor(opened)
        guard svs_folder_is_memory(opened) == 1 else {
            _ = rmdir(path)
            throw Refusal(told: RunError("state folder \(path): is not on a tmpfs, and a disk is no memory"))
        }
        if let earlier {
            lock = earlier
            return
        }
        var holder: Int32 = 0, locked = svs_folder_lock(opened, &holder)
        for _ in 0..<Self.patience where locked == 0 &- EWOULDBLOCK {
            usleep(Self.pause)
            locked = svs_folder_lock(opened, &holder)
        }
        guard locked != 0 &- EWOULDBLOCK else {
            throw Refusal(
                told: RunError(
                    "state folder \(path): process \(holder) keeps its state there; --name gives another one a folder of its own"),
                isTaken: true)
        }
        guard locked >= 0 else { throw Refusal(told: Self.error(path, -locked)) }
        lock = HeldDescriptor(locked)
    }

    private static func error(_ path: String, _ number: Int32) -> RunError {
        let why =
            switch number {
            case EPERM: "belongs to another user, or others may write to it"
            case ENOENT: "the folder above is not there"
            case ENOTDIR, ELOOP: "is no folder"
            case ENAMETOOLONG: "its name is too long"
            default: "\(Errno(rawValue: number))"
            }
        return RunError("state folder \(path): \(why)")
    }

    /// A file, made where it is missing, then of no bytes.
    func open(_ file: File) throws(RunError) -> HeldDescriptor {
        let descriptor = svs_folder_file(folder.number, file.rawValue)
        guard descriptor >= 0 else { throw Self.error("\(path)/\(file.rawValue)", -descriptor) }
        return HeldDescriptor(descriptor)
    }

    /// Gives a file that is of no use a name where it is in nobody's way; what had that name before goes.
    /// - Returns: its path.
    func setAside(_ file: File) -> String {
        _ = svs_folder_rename(folder.number, file.rawValue, file.rawValue + ".old")
        return "\(path)/\(file.rawValue).old"
    }

    func rename(_ file: File, to other: File) { _ = svs_folder_rename(folder.number, file.rawValue, other.rawValue) }

    func has(_ file: File) -> Bool { access("\(path)/\(file.rawValue)", F_OK) == 0 }

    func remove(_ file: File) { _ = svs_folder_remove(folder.number, file.rawValue) }

    /// Leaves nothing behind; what was set aside keeps the folder.
    func removeAll() {
        for file in File.allCases { remove(file) }
        _ = svs_folder_remove(folder.number, "lock")
        _ = rmdir(path)
    }
}

extension Keeper {
    /// Where the command line wants the memory to be.
    public struct StatePlace: Hashable, Sendable {
        public var directory: String
        public var name: String
        /// Where it cannot be there, it is to be nowhere.
        public var isAskedFor: Bool
        /// It begins empty.
        public var isFresh: Bool

        public init(directory: String, name: String, isAskedFor: Bool, isFresh: Bool) {
            self.directory = directory
            self.name = name
            self.isAskedFor = isAskedFor
            self.isFresh = isFresh
        }

        /// A folder's name for whoever listens at `control`: the path with `-` in the place of `/`.
        public static func name(control: String) -> String {
            let path = control.hasPrefix("/") ? control : (currentFolder ?? "") + "/" + control
            let escaped = path.dropFirst().map { character -> String in
                switch character {
                case "/": "-"
                case "-": "%2d"
                case "%": "%25"
                default: String(character)
                }
            }
            return escaped.joined()
        }

        private static var currentFolder: String? {
            guard let text = getcwd(nil, 0) else { return nil }
            defer { free(text) }
            return String(cString: text)
        }
    }
}
