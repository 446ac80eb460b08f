internal import Admin
internal import LVS

/// Which cases can be put to the kernel: by what a case's own files say.
enum KernelCase {
    /// Why a case is none for the kernel; `nil` when it is one.
    /// - Parameter release: of the kernel, `6.1.176`.
    static func exclusion(_ scenario: Scenario, _ files: CaseFiles, folder: String, release: String) throws(FileError) -> String? {
        if try CaseFiles.names(in: folder).contains("not-kernel") {
            let path = folder + "/not-kernel"
            guard let reason = try TextFile.read(path).split(whereSeparator: \.isNewline).first else {
                throw FileError(file: path, text: "gives no reason")
            }
            return String(reason)
        }
        if try CaseFiles.names(in: folder).contains("kernel-since") {
            let path = folder + "/kernel-since"
            let line = try TextFile.read(path).split(whereSeparator: \.isNewline).first ?? ""
            let words = line.split(separator: " ", maxSplits: 1)
            guard words.count == 2, !numbers(words[0]).isEmpty else {
                throw FileError(file: path, line: 1, text: "expected a kernel's release and what it does since then")
            }
            if !release.isEmpty, numbers(release[...]).lexicographicallyPrecedes(numbers(words[0])) {
                return "kernel \(release), but since \(words[0]) \(words[1])"
            }
        }
        if files.inputs.count > 1 || scenario.network.interfaces.count(where: { !$0.isLoopback }) > 1 {
            return "it has several interfaces, the kernel's director has one"
        }
        if !files.offloads.isEmpty { return "its frames have offload headers (in.vnet), the kernel's come over a wire" }
        if !scenario.run.hostEmulation.isWholeHost { return "run: the director stands beside a host, the kernel is one" }
        if ![.none, .localAddresses].contains(scenario.run.hostEmulation.ownership) {
            return "run: the director owns addresses, the kernel none"
        }
        if scenario.run.connections != RunFile().connections {
            return "run: a table for \(scenario.run.connections) connections, the kernel's grows"
        }
        if scenario.connections != nil { return "it begins with connections, the kernel's director with none" }
        if scenario.tunables.dropEntry != 0 { return "sysctl: drop_entry drops at random" }
        for command in scenario.services.map(\.command) + scenario.editCommands {
            if let reason = exclusion(command) { return reason }
        }
        return nil
    }

    /// 6, 1, 176 of `6.1.176-1`.
    private static func numbers(_ release: Substring) -> [Int] {
        release.prefix { $0.isNumber || $0 == "." }.split(separator: ".").compactMap { Int($0) }
    }

    private static func exclusion(_ command: Command) -> String? {
        switch command {
        case .addService(let key, let settings), .editService(let key, let settings):
            if !key.ranges.isEmpty { return "\(key): several ports in a service" }
            if let option = Options.beyondKernel(settings).first { return "\(key): --\(option)" }
            let isInKernel = Schedulers.type(named: settings.scheduler)?.isInKernel ?? true
            return isInKernel ? nil : "\(key): the scheduler \(settings.scheduler)"
        case .addServer(let key, let server, let settings), .editServer(let key, let server, let settings):
            return Options.beyondKernel(settings).first.map { "\(key): --\($0) to \(server)" }
        default: return nil
        }
    }
}
