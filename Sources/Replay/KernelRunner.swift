public import Admin
internal import Glibc
internal import Links
internal import Linux
internal import SystemPackage
import Wire

/// The kernel's own IPVS as a second opinion: a script boots it in User-Mode Linux, gives it a case's configuration and
/// frames, and writes down what it does.
public struct KernelRunner: Sendable {
    /// The script: `oracle`, with the files that stand beside it.
    public let script: String
    /// A User-Mode Linux binary: a path, or a name to look for in `PATH`.
    public let kernel: String
    /// What the kernel calls itself, `6.1.176`; empty when it does not say.
    public let release: String

    /// Name of the kernel in Debian's package user-mode-linux.
    public static let usualKernel = "linux.uml"

    /// Finds script and kernel.
    /// - Parameters:
    ///   - script: instead of the one in `$SVS_KERNEL_RUNNER`, `../libexec/svs/kernel/oracle` beside the program's folder, or
    ///     `Tests/differential/kernel/oracle` in the source tree that the program was built in.
    ///   - kernel: instead of `$SVS_KERNEL` or `linux.uml`.
    /// - Throws: `FileError` that says what is missing and where it comes from.
    public init(script named: String? = nil, kernel namedKernel: String? = nil) throws(FileError) {
        kernel = namedKernel ?? Self.variable("SVS_KERNEL") ?? Self.usualKernel
        guard Self.isProgram(kernel) else {
            throw FileError(
                file: kernel,
                text: kernel == Self.usualKernel
                    ? "User-Mode Linux is not installed: apt-get install user-mode-linux, or name a kernel with --kernel or SVS_KERNEL"
                    : "no such program; a User-Mode Linux kernel is needed, such as \(Self.usualKernel) of Debian's package user-mode-linux"
            )
        }
        release =
            (try? HostCommand.output(of: [kernel, "--version"]))?.text.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
        if let named = named ?? Self.variable("SVS_KERNEL_RUNNER") {
            guard access(named, X_OK) == 0 else { throw FileError(file: named, .latest) }
            script = named
        } else {
            guard let found = Self.places.first(where: { access($0, X_OK) == 0 }) else {
                throw FileError(
                    file: "oracle",
                    text:
                        "the script that runs the kernel is in none of \(Self.places.joined(separator: ", ")); name it with --kernel-runner"
                )
            }
            script = found
        }
    }

    /// Looks whether there is everything that the script itself needs of the host, whose files the guest sees.
    /// - Throws: `FileError` for the first program that is missing.
    public func checkPrograms() throws(FileError) {
        for program in ["python3", "gcc", "ipvsadm", "ip", "ethtool", "iptables"] where !Self.isProgram(program) {
            throw FileError(
                file: program,
                text:
                    "is not installed; the guest is set up with the host's programs (Debian: python3 gcc libc6-dev ipvsadm iproute2 ethtool iptables)"
            )
        }
    }

    /// Where the script is looked for.
    private static let places: [String] = {
        guard let program = realpath("/proc/self/exe", nil) else { return [] }
        defer { free(program) }
        var parts = String(cString: program).split(separator: "/").dropLast()
        let prefix = "/" + parts.dropLast().joined(separator: "/")
        var places = [prefix + "/libexec/svs/kernel/oracle"]
        // .build/TRIPLE/debug stands in the source tree.
        guard let build = parts.lastIndex(where: { $0.hasPrefix(".build") }) else { return places }
        parts = parts[..<build]
        places.append("/" + (parts + ["Tests/differential/kernel/oracle"]).joined(separator: "/"))
        return places
    }()

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func isProgram(_ name: String) -> Bool {
        if name.contains("/") { return access(name, X_OK) == 0 }
        let folders = (variable("PATH") ?? "/usr/bin:/bin").split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"]
        return folders.contains { access($0 + "/" + name, X_OK) == 0 }
    }

    /// What the kernel does with a case, as expectations.
    /// - Parameter folder: one that the results may be written to.
    func expectations(of files: CaseFiles, in caseFolder: String, _ folder: String) throws -> (Expectations, refusals: [Int]) {
        let (input, seconds) = try Self.copyFrames(of: files, to: folder + "/frames.pcap")
        let results = folder + "/kernel"
        var words = [
            script, files.services, input, results, "--kernel", kernel, "--network", files.network, "--realtime", "--keep-mac", "--answers",
            "--timeout", "\(seconds + 120)",
        ]
        for (option, path) in [("--marks", files.marks), ("--marks6", files.marks6), ("--sysctl", files.sysctl), ("--edits", files.edits)] {
            if let path { words += [option, path] }
        }
        if let more = try? TextFile.read(caseFolder + "/opts") { words += more.split(whereSeparator: \.isWhitespace).map(String.init) }
        do throws(FileError) {
            guard try HostCommand.output(of: words) != nil else { throw FileError(file: script, text: "is no program") }
        } catch { throw FileError(file: script, text: error.text) }
        let own = try Expectations(folder: caseFolder)
        var expectations = Expectations(frames: results + "/out.pcap", folder: caseFolder)
        expectations.routed = own.routed
        expectations.ignored = own.ignored
        for (name, theirs) in ListingsFolder.kernelNames { expectations.listings[name] = try TextFile.read(results + "/" + theirs) }
        return (expectations, try Self.refusals(TextFile.read(results + "/guest.log")))
    }

    /// Copies the frames of the one input into a plain pcap file.
    /// - Returns: its path, and how many seconds it lasts.
    private static func copyFrames(of files: CaseFiles, to path: String) throws -> (path: String, seconds: UInt64) {
        guard let input = files.inputs.first else { throw FileError(file: path, text: "no frames") }
        let reader = try PcapReader(path: input.path), writer = try PcapWriter(path: path)
        var first: UInt64?, last: UInt64 = 0
        while let (record, frame) = try reader.next() {
            var bytes = frame
            var failure: LinkError?
            bytes.withBytes { window in
                do throws(LinkError) { try writer.write(window, time: record.time) } catch { failure = error }
            }
            if let failure { throw failure }
            first = first ?? record.time
            last = max(last, record.time)
        }
        try writer.close()
        return (path, (last - min(first ?? last, last)) / UInt64(second))
    }

    /// Input frames before which the kernel's ipvsadm refused an edit.
    private static func refusals(_ log: String) -> [Int] {
        let start = "inject: before frame "
        return log.split(whereSeparator: \.isNewline).compactMap { line in
            line.hasPrefix(start) ? Int(line.dropFirst(start.count).prefix { $0.isNumber }) : nil
        }
    }
}
