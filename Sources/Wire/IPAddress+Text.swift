extension IPAddress: CustomStringConvertible {
    /// Dotted decimal, or the canonical IPv6 text of RFC 5952 (lower case, longest run of zeros shortened).
    public var description: String {
        if isV4 { return dotted(v4) }
        let groups = (0..<8).map { i in
            UInt16(truncatingIfNeeded: (i < 4 ? high : low) >> UInt64(48 - 16 * (i % 4)))
        }
        var best = 0..<0
        var i = 0
        while i < 8 {
            guard groups[i] == 0 else { i += 1; continue }
            var j = i
            while j < 8, groups[j] == 0 { j += 1 }
            if j - i > max(best.count, 1) { best = i..<j }
            i = j
        }
        func hex(_ range: Range<Int>) -> String { groups[range].map { String($0, radix: 16) }.joined(separator: ":") }
        // inet_ntop writes the deprecated IPv4-compatible form in dots as well.
        if best == 0..<6 { return "::" + dotted(UInt32(groups[6]) << 16 | UInt32(groups[7])) }
        return best.isEmpty ? hex(0..<8) : hex(0..<best.lowerBound) + "::" + hex(best.upperBound..<8)
    }

    private func dotted(_ value: UInt32) -> String {
        "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
    }

    /// Dotted decimal with four parts, or any IPv6 text form of RFC 4291 section 2.2; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        if let v4 = Self.dotted(text) { self.init(v4: v4); return }
        guard let groups = Self.groups(text) else { return nil }
        var halves: (UInt64, UInt64) = (0, 0)
        for group in groups[0..<4] { halves.0 = halves.0 << 16 | UInt64(group) }
        for group in groups[4..<8] { halves.1 = halves.1 << 16 | UInt64(group) }
        self.init(high: halves.0, low: halves.1)
    }

    private static func dotted(_ text: some StringProtocol) -> UInt32? {
        var value: UInt32 = 0, octet: UInt32 = 0, digits = 0, dots = 0
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39:
                // No octet has leading zeros.
                guard digits == 0 || octet > 0 else { return nil }
                octet = octet * 10 + UInt32(byte - 0x30)
                digits += 1
                guard octet <= 255 else { return nil }
            case UInt8(ascii: "."):
                guard digits > 0, dots < 3 else { return nil }
                value = value << 8 | octet
                (octet, digits, dots) = (0, 0, dots + 1)
            default: return nil
            }
        }
        return digits > 0 && dots == 3 ? value << 8 | octet : nil
    }

    private static func groups(_ text: some StringProtocol) -> [UInt16]? {
        var words: [String] = text.split(separator: ":", maxSplits: Int.max, omittingEmptySubsequences: false).map { String($0) }
        guard words.count >= 3, words.count <= 9 else { return nil }
        if let last = words.last, last.contains(".") {
            guard let v4 = dotted(last) else { return nil }
            words.removeLast()
            words.append(String(v4 >> 16, radix: 16))
            words.append(String(v4 & 0xffff, radix: 16))
        }
        // "::" is one empty word inside, two at an end.
        var gap: Int?
        var groups: [UInt16] = []
        for (i, word) in words.enumerated() {
            if word.isEmpty {
                let atEdge = i == 0 && words[1].isEmpty || i == words.count - 1 && words[i - 1].isEmpty
                if atEdge { continue }
                guard gap == nil, i != 0, i != words.count - 1 else { return nil }
                gap = groups.count
            } else {
                guard word.utf8.count <= 4, word.allSatisfy({ $0.isASCII && $0.isHexDigit }),
                    let group = UInt16(word, radix: 16)
                else { return nil }
                groups.append(group)
            }
        }
        guard let gap else { return groups.count == 8 ? groups : nil }
        guard groups.count < 8 else { return nil }
        groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
        return groups
    }
}
