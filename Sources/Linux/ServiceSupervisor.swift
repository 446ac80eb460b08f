internal import CLinux
internal import Glibc

/// Whoever has started this process as a service and wants to hear of it, as systemd does (sd_notify(3)): each message is a
/// datagram of lines `NAME=VALUE`. Without such a one nothing is said.
public final class ServiceSupervisor {
    private let path: String?
    /// Nanoseconds within which it wants a sign of life; `nil` when it wants none.
    public let watchdog: UInt64?

    /// What is told.
    public enum News {
        /// The service does its work: it has begun, or read its files again.
        case ready
        case reloading
        case stopping
        /// A sign of life.
        case alive
        /// One line for people.
        case status(String)
        /// Another process is the service's main one from now on.
        case mainProcess(Int32)
    }

    /// - Parameter environment: where NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID stand.
    public init(_ environment: [String: String]) {
        path = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
        let isMine = environment["WATCHDOG_PID"].map { $0 == "\(getpid())" } ?? true
        watchdog = environment["WATCHDOG_USEC"].flatMap { UInt64($0) }.flatMap { isMine && $0 > 0 ? $0 &* 1000 : nil }
    }

    /// Whether there is somebody who listens.
    public var isThere: Bool { path != nil }

    /// Tells something; nobody waits for it, and what does not arrive is lost.
    public func tell(_ news: News...) { send(news.map(Self.line).joined(separator: "\n")) }

    /// Has descriptors kept beyond the end of this process: the next one finds them by that name. At most 64.
    public func keep(_ descriptors: [Int32], as name: String) { send("FDSTORE=1\nFDNAME=\(name)", descriptors) }

    /// What was kept by that name is wanted no more.
    public func forget(_ name: String) { send("FDSTOREREMOVE=1\nFDNAME=\(name)") }

    private static func line(_ news: News) -> String {
        switch news {
        case .ready: "READY=1"
        case .reloading: "RELOADING=1\nMONOTONIC_USEC=\(svs_clock() / 1000)"
        case .stopping: "STOPPING=1"
        case .alive: "WATCHDOG=1"
        case .status(let text): "STATUS=\(text.replacing("\n", with: " "))"
        case .mainProcess(let number): "MAINPID=\(number)"
        }
    }

    private func send(_ text: String, _ descriptors: [Int32] = []) {
        guard let path else { return }
        let bytes = Array(text.utf8)
        _ = svs_notify(path, bytes, bytes.count, descriptors, Int32(descriptors.count))
    }
}
