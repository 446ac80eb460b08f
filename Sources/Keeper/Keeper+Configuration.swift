public import Linux
public import Runtime

extension Keeper {
    /// What the command line says.
    public struct Configuration {
        public var interfaces: [String]
        /// One of `LinkRoster`'s schemes.
        public var link: String
        public var files: RunFiles
        /// Path of the control socket.
        public var control: String
        /// Where those knock who may only look.
        public var monitor: MonitorPlace?
        /// Words of the director's command line, the program's name first.
        public var arguments: [String]
        /// … and the words of its own, behind its command.
        var words: [String] { Array(arguments.dropFirst(2)) }
        /// Flows may be carried by the kernel.
        public var carries = false
        /// Connections that a director's table holds.
        public var connections: Int
        /// Where what directors are told and know is to outlive the keeper.
        public var state: StatePlace?
        public var log: Log
        /// What this program calls itself, and the path by which another version of it would be found.
        public var version = "svs"
        public var program = "/proc/self/exe"
        /// What a supervisor, or the program that this process was, has said and left.
        public var environment = ServiceEnvironment()
        public var inherited = InheritedDescriptors([:])

        public init(
            interfaces: [String], link: String, files: RunFiles, control: String, arguments: [String], connections: Int,
            state: StatePlace?, log: Log
        ) {
            self.connections = connections
            self.interfaces = interfaces
            self.link = link
            self.files = files
            self.control = control
            self.arguments = arguments
            self.state = state
            self.log = log
        }
    }

    /// Where those knock who may only look: this user, and a group.
    public struct MonitorPlace: Hashable, Sendable {
        public var path: String
        public var group: UInt32?
        /// That it cannot be had is an error; else it is said, and there is none.
        public var isAskedFor: Bool

        public init(path: String, group: UInt32?, isAskedFor: Bool) {
            (self.path, self.group, self.isAskedFor) = (path, group, isAskedFor)
        }
    }

    /// The memory of the state's folder, or that which this process had as another program, or new one.
    static func memory(_ configuration: Configuration) throws(RunError) -> HeldMemory {
        let earlier = configuration.inherited, lock = earlier.take(StateFolder.lockName), place = try StateOrigin.here()
        if let held = try HeldMemory(inheriting: earlier, connections: configuration.connections, place: place, log: configuration.log) {
            return held
        }
        var folder: StateFolder?
        if let place = configuration.state {
            do throws(StateFolder.Refusal) { folder = try StateFolder(place, inheriting: lock) } catch {
                guard !place.isAskedFor, !error.isTaken else { throw error.told }
                configuration.log.say("note: \(error.told); services and connections end with this process")
            }
        }
        return try HeldMemory(
            in: folder, connections: configuration.connections, place: place, isFresh: lock == nil && configuration.state?.isFresh == true,
            log: configuration.log)
    }
}
