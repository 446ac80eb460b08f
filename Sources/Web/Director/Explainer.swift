internal import Admin
internal import CLinux
internal import LVS
internal import Linux
internal import Synchronization
internal import SystemPackage
internal import Wire

/// Asks the director why it would send a packet where: one packet at a time and one a second, because each costs it a copy of itself.
public final class Explainer: Sendable {
    public enum Answer: Hashable, Sendable {
        case explanation(String)
        /// Why there is none: the words are no packet, or the director does not answer.
        case refusal(String)
        /// Somebody else has just asked.
        case busy
    }

    private let path: String
    private let patience: UInt32
    /// When the next packet may be asked about; `max` while one is.
    private let free = Mutex<Instant>(0)

    public init(path: String, patience: UInt32 = 5) { (self.path, self.patience) = (path, patience) }

    /// Characters of the longest description.
    public static var longestPacket: Int { 1000 }

    public func explain(_ packet: String) async -> Answer {
        guard packet.count <= Self.longestPacket else { return .refusal("a packet has at most \(Self.longestPacket) characters") }
        let isFree = free.withLock { free in
            guard Instant(svs_clock()) >= free else { return false }
            free = .max
            return true
        }
        guard isFree else { return .busy }
        return await withCheckedContinuation { continuation in
            let asking: @Sendable () -> Void = { [self] in
                let answer = ask(packet)
                free.withLock { $0 = Instant(svs_clock()) + second }
                continuation.resume(returning: answer)
            }
            do throws(Errno) { try BackgroundThread(asking).detach() } catch {
                free.withLock { $0 = 0 }
                continuation.resume(returning: .refusal("\(error)"))
            }
        }
    }

    private func ask(_ packet: String) -> Answer {
        do { return .explanation(try ControlClient(path: path, patience: patience).text(.explain(packet: packet, .text))) } catch {
            return .refusal("\(error)")
        }
    }
}
