internal import LVS
internal import Synchronization

/// The metrics of what was seen last, written once however many collect them.
final class MetricsCache: Sendable {
    private struct Texts {
        var looked: Instant = -1
        var short: [UInt8]?
        var long: [UInt8]?
    }

    private let texts = Mutex(Texts())

    /// - Parameter servers: those of each server too, beside those of its connections.
    func bytes(of view: Observer.View, servers: Bool) -> [UInt8] {
        texts.withLock { texts in
            if texts.looked != view.looked { texts = Texts(looked: view.looked) }
            let kept = servers ? texts.long : texts.short
            if let kept { return kept }
            let bytes = Metrics(view, servers: servers).text.bytes
            if servers { texts.long = bytes } else { texts.short = bytes }
            return bytes
        }
    }
}
