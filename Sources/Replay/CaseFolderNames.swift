internal import Admin

/// The names that files of a case folder have.
enum CaseFolderNames {
    /// What describes the host, what is expected, what is not judged, and notes for people and for the kernel's runner.
    private static let known: Set<String> = [
        "services", "network", "marks", "marks6", "firewall", "sysctl", "edits", "run", "connections", "packets", "expected", "verdicts",
        "routed",
        "ignore", "about", "opts", "not-kernel", "kernel-since",
    ]

    /// Refuses a file that nothing reads, as one with a mistyped name is. Hidden files and editors' copies (`NAME~`) do not
    /// matter.
    /// - Throws: `FileError` that names it, and what it may have been meant to be.
    static func check(_ folder: String) throws(FileError) {
        let names = try CaseFiles.names(in: folder)
        for name in names.sorted() where !isLeftAlone(name) && !known.contains(name) && !isCapture(name) {
            throw unknown(name, in: folder, among: known.sorted() + ["in.pcap", "out.pcap"])
        }
        for name in names.sorted() {
            guard let interface = CaseFiles.interface(of: name, between: "in", and: "vnet") else { continue }
            let frames = interface.isEmpty ? "in" : "in." + interface
            guard names.contains(frames + ".pcap") || names.contains(frames + ".pcapng") else {
                throw FileError(file: folder + "/" + name, text: "belongs to a file \(frames).pcap, and there is none")
            }
        }
        guard names.contains("expected") else { return }
        let expected = folder + "/expected"
        for name in try CaseFiles.names(in: expected).sorted() where !isLeftAlone(name) && !ListingsFolder.names.contains(name) {
            throw unknown(name, in: expected, among: ListingsFolder.names.sorted())
        }
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
