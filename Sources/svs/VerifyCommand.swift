import Admin
import ArgumentParser
import Glibc
import Replay
import Synchronization

/// `svs verify`: cases as regression tests.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Run cases as regression tests.",
        discussion: """
            Each case is replayed and compared with what it expects: the frames in out.pcap (out.IF.pcap for further \
            interfaces), the listings in expected/, the reason codes in verdicts. What differs first is shown. A folder \
            without a case of its own stands for the cases below it.

            Not compared: Ethernet sources, ids and GUE source ports that are 0 in the expectation (they were random), \
            what leaves for input frames that the file 'routed' names, header fields that the file 'ignore' names.

            --against kernel leaves aside what the cases expect and asks the Linux kernel's own IPVS, in User-Mode Linux \
            (Debian: user-mode-linux): what it does with the same configuration and frames is what is expected. Cases of \
            what the kernel does not have are named and not judged: FULLNAT and other options that ipvsadm does not know, \
            several interfaces, offload headers, a 'run' file beside the host, and those with a file 'not-kernel', whose \
            first line says why. That kernel runs in real time: a case of an hour takes an hour, but cases run side by side. \
            It is run by the script 'oracle', which is looked for in PREFIX/libexec/svs/kernel beside PREFIX/bin/svs and \
            in the source tree's Tests/differential/kernel.

            Exit status: 0 all as expected, 1 something differs, 2 a case could not be run.
            """)
    @Argument(help: ArgumentHelp("Case folders, or folders of cases.", valueName: "case")) var folders: [String]
    @Flag(help: "Write the expectations anew: what the director does now becomes what is expected.") var regenerate = false
    @Option(name: .customLong("junit"), help: ArgumentHelp("Write the results to this file in JUnit's XML.", valueName: "file"))
    var report: String?
    @Option(
        name: .customLong("ignore"),
        help: ArgumentHelp("Names of header fields whose differences do not count (ttl, ip.id), for all cases.", valueName: "file"))
    var ignore: String?
    @Option(
        name: [.customShort("j"), .customLong("jobs")],
        help: ArgumentHelp("Cases that run at the same time (default: one per processor).", valueName: "n"))
    var jobs: Int?
    @Option(
        help: ArgumentHelp("Who judges: expectations (of the cases) or kernel.", valueName: "expectations|kernel"))
    var against = Reference.expectations
    @Option(help: ArgumentHelp("The kernel: a User-Mode Linux binary (default: $SVS_KERNEL, else linux.uml).", valueName: "path"))
    var kernel: String?
    @Option(help: ArgumentHelp("The script that runs it (default: $SVS_KERNEL_RUNNER, else as said above).", valueName: "path"))
    var kernelRunner: String?
    @OptionGroup var owning: OwnOption
    @Option(help: ArgumentHelp("Differing frames of a case to show.", valueName: "n")) var show = 1
    @Flag(name: .shortAndLong, help: "Only what differs, and the sum.") var quiet = false

    enum Reference: String, ExpressibleByArgument, CaseIterable { case expectations, kernel }

    func validate() throws {
        guard against == .kernel || (kernel == nil && kernelRunner == nil) else {
            throw ValidationError("--kernel and --kernel-runner are for --against kernel")
        }
        guard against == .expectations || !regenerate else {
            throw ValidationError("--regenerate writes what the director does, not what the kernel does")
        }
        guard (1...1024).contains(jobs ?? 1) else { throw ValidationError("--jobs: 1 to 1024 are possible") }
        guard !folders.isEmpty else { throw ValidationError("name at least one case folder") }
        guard show > 0 else { throw ValidationError("--show: at least 1") }
    }

    func run() throws {
        let results = try withClearErrors {
            var verifier = CaseVerifier()
            verifier.regenerates = regenerate
            verifier.shown = show
            verifier.ownership = owning.own
            if against == .kernel {
                let runner = try KernelRunner(script: kernelRunner, kernel: kernel)
                try runner.checkPrograms()
                verifier.kernel = runner
            }
            if let ignore { verifier.ignored = try IgnoredFields(TextFile.read(ignore), file: ignore) }
            var all: [String] = []
            for folder in folders { all += try CaseRun.folders(in: folder) }
            if let report {
                for folder in all { if let files = try? CaseFiles(folder: folder) { try OutputFile.refuse(report, among: files.paths) } }
            }
            return try run(all, verifier)
        }
        let bad = results.filter { $0.outcome == .failed }.count
        let unusable = results.filter { if case .unusable = $0.outcome { true } else { false } }.count
        let unasked = results.filter { if case .noKernelCase = $0.outcome { true } else { false } }.count
        let frames = results.reduce(0) { $0 + $1.frames }
        let word = regenerate ? "written" : against == .kernel ? "agree with the kernel" : "passed"
        print(
            "\(counted(results.count, "case")), \(counted(frames, "frame")): \(results.count - bad - unusable - unasked) \(word), \(bad + unusable) failed"
                + (unasked > 0 ? ", \(unasked) not kernel cases" : ""))
        if unusable > 0 { Terminal.exit(2) }
        if bad > 0 { Terminal.exit(1) }
    }

    private func run(_ all: [String], _ verifier: CaseVerifier) throws -> [CaseResult] {
        let bar = Mutex(ProgressBar(of: all.count))
        let quiet = quiet
        bar.withLock { $0.show() }
        let results = CaseRun.results(of: all, jobs: jobs ?? max(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 1)) {
            verifier.verify($0)
        } each: { result in
            bar.withLock { bar in
                bar.hide()
                if !quiet || result.outcome != .passed { print(result.line) }
                for finding in result.findings { print(finding.split(separator: "\n").map { "      \($0)" }.joined(separator: "\n")) }
                bar.advance()
                bar.show()
            }
        }
        bar.withLock { $0.hide() }
        if let report { try JUnitReport.write(results, to: report) }
        return results
    }
}
