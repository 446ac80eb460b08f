internal import CLinux
internal import Glibc

/// Descriptors that were open when this program began, each with a name: those that systemd has kept of an earlier process
/// (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES of sd_listen_fds(3)), and those of the program that this process was before
/// (`SVS_DESCRIPTORS`, `NUMBER:NAME` with a comma between).
public final class InheritedDescriptors {
    private var rest: [(name: String, descriptor: HeldDescriptor)] = []
    /// The variable by which a program hands them to the one that it becomes.
    public static let variable = "SVS_DESCRIPTORS"

    /// - Parameter environment: where they are named. What is not open is left out.
    public init(_ environment: [String: String]) {
        for entry in environment[Self.variable]?.split(separator: ",") ?? [] {
            let parts = entry.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, let number = Int32(parts[0]), number > 2 else { continue }
            take(number, String(parts[1]))
        }
        guard environment["LISTEN_PID"] == "\(getpid())", let count = environment["LISTEN_FDS"].flatMap({ Int32($0) }), count > 0 else {
            return
        }
        let names = environment["LISTEN_FDNAMES"]?.split(separator: ":", omittingEmptySubsequences: false) ?? []
        for place in 0..<count { take(3 + place, Int(place) < names.count ? String(names[Int(place)]) : "unknown") }
    }

    /// Those that nobody has taken yet.
    public var all: [(name: String, descriptor: HeldDescriptor)] { rest }

    private func take(_ number: Int32, _ name: String) {
        guard svs_keep_open(number, 0) == 0 else { return }
        rest.append((name, HeldDescriptor(number)))
    }

    /// The first of that name, which is the caller's from now on.
    public func take(_ name: String) -> HeldDescriptor? {
        guard let place = rest.firstIndex(where: { $0.name == name }) else { return nil }
        return rest.remove(at: place).descriptor
    }

    /// Those whose names begin so, with the rest of the name; they are the caller's from now on.
    public func takeAll(_ prefix: String) -> [(name: String, descriptor: HeldDescriptor)] {
        let found = rest.filter { $0.name.hasPrefix(prefix) }
        rest.removeAll { $0.name.hasPrefix(prefix) }
        return found.map { (String($0.name.dropFirst(prefix.count)), $0.descriptor) }
    }

    /// Closes what nobody has taken.
    /// - Returns: their names.
    public func closeRest() -> [String] {
        defer { rest = [] }
        return rest.map(\.name)
    }
}
