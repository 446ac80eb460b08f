public import Admin

/// Results in the XML form that continuous integration reads (JUnit's).
public enum JUnitReport {
    public static func text(of results: [CaseResult]) -> String {
        func isFailure(_ result: CaseResult) -> Bool { result.outcome == .failed }
        func isError(_ result: CaseResult) -> Bool { if case .unusable = result.outcome { true } else { false } }
        let time = results.reduce(0) { $0 + $1.seconds }
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        text += "<testsuite name=\"svs verify\" tests=\"\(results.count)\" failures=\"\(results.count(where: isFailure))\" "
        text += "errors=\"\(results.count(where: isError))\" time=\"\(rounded(time))\">\n"
        for result in results {
            text +=
                "  <testcase classname=\"\(escaped(parent(of: result.folder)))\" name=\"\(escaped(result.name))\" time=\"\(rounded(result.seconds))\""
            switch result.outcome {
            case .passed, .regenerated: text += "/>\n"
            case .noKernelCase(let reason): text += ">\n    <skipped message=\"not a kernel case: \(escaped(reason))\"/>\n  </testcase>\n"
            case .failed:
                text +=
                    ">\n    <failure message=\"\(escaped(result.findings.first?.split(separator: "\n").first.map(String.init) ?? ""))\">"
                text += escaped(result.findings.joined(separator: "\n")) + "</failure>\n  </testcase>\n"
            case .unusable(let reason): text += ">\n    <error message=\"\(escaped(reason))\"/>\n  </testcase>\n"
            }
        }
        return text + "</testsuite>\n"
    }

    /// Writes the report to a file.
    public static func write(_ results: [CaseResult], to path: String) throws(FileError) {
        try OutputFile.write(text(of: results), to: path)
    }

    private static func parent(of folder: String) -> String { folder.split(separator: "/").dropLast().joined(separator: ".") }

    private static func rounded(_ seconds: Double) -> String {
        let thousandths = Int((seconds * 1000).rounded())
        let rest = "\(thousandths % 1000)"
        return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
    }

    private static func escaped(_ text: String) -> String {
        var safe = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": safe += "&amp;"
            case "<": safe += "&lt;"
            case ">": safe += "&gt;"
            case "\"": safe += "&quot;"
            case "\n": safe += "&#10;"
            case _ where scalar.value < 0x20 && scalar != "\t": safe += "\u{fffd}"
            default: safe.unicodeScalars.append(scalar)
            }
        }
        return safe
    }
}
