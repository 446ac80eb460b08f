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
        /// Words of the director's command line, the program's name first.
        public var arguments: [String]
        /// … and the words of its own, behind its command.
        var words: [String] { Array(arguments.dropFirst(2)) }
        /// Connections that a director's table holds.
        public var connections: Int
        public var log: Log
        /// The folder for what outlives the keeper; `nil` where nothing is to.
        public var stateFolder: String?
        /// What this program calls itself, and the path by which another version of it would be found.
        public var version = "svs"
        public var program = "/proc/self/exe"
        /// What a supervisor, or the program that this process was, has said and left.
        public var environment = ServiceEnvironment()
        public var inherited = InheritedDescriptors([:])

        public init(
            interfaces: [String], link: String, files: RunFiles, control: String, arguments: [String], connections: Int, log: Log
        ) {
            self.connections = connections
            self.interfaces = interfaces
            self.link = link
            self.files = files
            self.control = control
            self.arguments = arguments
            self.log = log
        }
    }
}
