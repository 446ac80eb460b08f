extension PacketDescription {
    /// One header field of a frame in words.
    public struct Field: Hashable, Sendable {
        /// The header with where it stands: `IPv4`, `inner TCP`, `quoted UDP`.
        public var header: String
        public var name: String
        /// As the printout would say it; runs of bytes in hexadecimal.
        public var value: String
        /// Whether the value is a run of bytes.
        var isBytes = false
    }

    /// Every field of a frame in the order of its headers, from Ethernet to the payload; checksums that are right have the
    /// value `valid`.
    public static func fields(of frame: Bytes, guePorts: [UInt16] = defaultGUEPorts) -> [Field] {
        var list = FieldList(guePorts: guePorts)
        list.ethernet(frame)
        return list.fields
    }

    /// What differs between an expected and an actual frame, header by header, a line for each field; empty when the frames
    /// are the same to the byte.
    public static func differences(_ expected: Bytes, _ actual: Bytes, guePorts: [UInt16] = defaultGUEPorts) -> [String] {
        let lines = differences(fields(of: expected, guePorts: guePorts), fields(of: actual, guePorts: guePorts))
        return lines.isEmpty ? byteDifferences(expected, actual) : lines
    }

    /// What differs between the fields of two frames, a line for each field.
    /// - Parameter isJudged: false leaves a difference out; a field that one of the frames does not have is `nil`.
    public static func differences(
        _ expected: [Field], _ actual: [Field],
        where isJudged: (_ expected: Field?, _ actual: Field?) -> Bool = { _, _ in true }
    ) -> [String] {
        let wanted = numbered(expected), found = numbered(actual)
        let wantedHeaders = Set(wanted.map(\.header)), foundHeaders = Set(found.map(\.header))
        let foundValues = Dictionary(uniqueKeysWithValues: found.map { ([$0.header, $0.name], $0) })
        let wantedNames = Set(wanted.map { [$0.header, $0.name] })
        var lines: [String] = []
        var missing: Set<String> = []
        for field in wanted {
            guard foundHeaders.contains(field.header) else {
                if missing.insert(field.header).inserted { lines.append("\(field.header): expected, actual none") }
                continue
            }
            let other = foundValues[[field.header, field.name]]
            if other?.value != field.value, isJudged(field, other) { lines.append(line(field, field, other)) }
        }
        for field in found where !wantedNames.contains([field.header, field.name]) {
            if wantedHeaders.contains(field.header) {
                if isJudged(nil, field) { lines.append(line(field, nil, field)) }
            } else if missing.insert(field.header).inserted {
                lines.append("\(field.header): expected none, actual there")
            }
        }
        return lines
    }

    /// Headers that occur twice, such as two VLAN tags, get a number.
    private static func numbered(_ fields: [Field]) -> [Field] {
        var seen: [[String]: Int] = [:]
        return fields.map { field in
            let count = seen[[field.header, field.name], default: 0] + 1
            seen[[field.header, field.name]] = count
            guard count > 1 else { return field }
            var again = field
            again.name += " \(count)"
            return again
        }
    }

    private static func line(_ field: Field, _ expected: Field?, _ actual: Field?) -> String {
        guard let expected, let actual, expected.isBytes, actual.isBytes else {
            return "\(field.header) \(field.name): expected \(short(expected)), actual \(short(actual))"
        }
        let same = zip(expected.value.utf8, actual.value.utf8).prefix { $0.0 == $0.1 }.count / 2 * 2
        let start = same == 0 ? "" : " from byte \(same / 2)"
        let sizes =
            expected.value.utf8.count == actual.value.utf8.count
            ? ""
            : " (\(expected.value.utf8.count / 2) and \(actual.value.utf8.count / 2) bytes)"
        return "\(field.header) \(field.name)\(start)\(sizes): "
            + "expected \(short(expected, from: same)), actual \(short(actual, from: same))"
    }

    private static func short(_ field: Field?, from start: Int = 0) -> String {
        guard let field else { return "none" }
        let rest = field.value.dropFirst(start)
        if rest.isEmpty { return "nothing" }
        return rest.count > 64 ? rest.prefix(48) + ".. (\(rest.count / 2) bytes)" : String(rest)
    }

    /// For frames whose fields say the same, such as two checksums that are both right.
    private static func byteDifferences(_ expected: Bytes, _ actual: Bytes) -> [String] {
        var lines: [String] = []
        if expected.count != actual.count { lines.append("frame: expected \(expected.count) bytes, actual \(actual.count)") }
        for i in 0..<min(expected.count, actual.count) where expected[i] != actual[i] {
            lines.append("byte \(i): expected \(hex(expected[i])), actual \(hex(actual[i]))")
        }
        return lines
    }
}
