internal import Admin

extension KeeperEvent {
    private enum Kind: UInt8 { case client = 0x80, clientsTold, refusal, endForNext, versions }

    /// Whether a message is an event, not an answer.
    static func isEvent(_ bytes: [UInt8]) -> Bool { bytes.first.flatMap(Kind.init) != nil }

    var bytes: [UInt8] {
        var out = FieldWriter()
        switch self {
        case .client(let number, let onlyLooks):
            out.put(Kind.client.rawValue)
            out.put(number)
            out.put(onlyLooks)
        case .clientsTold: out.put(Kind.clientsTold.rawValue)
        case .refusal(let error):
            out.put(Kind.refusal.rawValue)
            out.put(error)
        case .endForNext: out.put(Kind.endForNext.rawValue)
        case .versions(let text):
            out.put(Kind.versions.rawValue)
            out.put(text)
        }
        return out.bytes
    }

    /// `nil` for what is no event.
    init?(_ bytes: [UInt8]) {
        var fields = FieldReader(bytes)
        let event: Self? =
            switch fields.number(UInt8.self).flatMap(Kind.init) {
            case .client: fields.number().flatMap { number in fields.flag().map { .client(number, onlyLooks: $0) } }
            case .clientsTold: .clientsTold
            case .refusal: fields.hostError().map { .refusal($0) }
            case .endForNext: .endForNext
            case .versions: fields.text().map { .versions($0) }
            case nil: nil
            }
        guard let event, fields.isAtEnd else { return nil }
        self = event
    }
}
