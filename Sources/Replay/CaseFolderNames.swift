internal import Admin

/// The names that files of a case folder have.
enum CaseFolderNames {
    /// What describes the host, what is expected, what is not judged, and notes for people and for the kernel's runner.
    private static let known: Set<String> = [
        "services", "network", "marks", "marks6", "firewall", "sysctl", "edits", "run", "connections", "packets", "expected", "verdicts",
        "routed",
        "ignore", "about", "opts", "not-kernel", "kernel-since",
    ]

    /// Refuses files that nothing reads, as one with a mistyped name is. Hidden files and editors' copies (`NAME~`) do not
    /// matter.
    /// - Throws: `FileError` that names each, and what it may have been meant to be.
    static func check(_ folder: String) throws(FileError) {
        let names = try CaseFiles.names(in: folder)
        var errors = FileErrors()
        for name in names.sorted() where !isLeftAlone(name) && !known.contains(name) && !isCapture(name) {
            errors.add(unknown(name, in: folder, among: known.sorted() + ["in.pcap", "out.pcap"]))
        }
        for name in names.sorted() {
            guard let interface = CaseFiles.interface(of: name, between: "in", and: "vnet") else { continue }
            let frames = interface.isEmpty ? "in" : "in." + interface
            if !names.contains(frames + ".pcap") && !names.contains(frames + ".pcapng") {
                errors.add(FileError(file: folder + "/" + name, text: "belongs to a file \(frames).pcap, and there is none"))
            }
        }
        let expected = folder + "/expected"
        let listings = names.contains("expected") ? try CaseFiles.names(in: expected) : []
        for name in listings.sorted() where !isLeftAlone(name) && !ListingsFolder.names.contains(name) {
            errors.add(unknown(name, in: expected, among: ListingsFolder.names.sorted()))
        }
        try errors.check()
    }

    private static func isLeftAlone(_ name: String) -> Bool { name.hasPrefix(".") || name.hasSuffix("~") }

    private static func isCapture(_ name: String) -> Bool {
        ["in", "out"].contains { start in
            ["pcap", "pcapng"].contains { CaseFiles.interface(of: name, between: start, and: $0) != nil }
        } || CaseFiles.interface(of: name, between: "in", and: "vnet") != nil
    }

    private static func unknown(_ name: String, in folder: String, among known: [String]) -> FileError {
        let hint = Resemblance.nearest(to: name, among: known).map { "; did you mean \($0)?" } ?? ""
        return FileError(file: folder + "/" + name, text: "no file of a case has this name\(hint)")
    }
}
