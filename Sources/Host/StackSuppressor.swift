import CLinux
import Clibnftables
import Clibnl
import Glibc

/// Keeps the host stack from answering the traffic that the director handles, by an nftables table of family `netdev` that
/// drops it at the interfaces' ingress, behind the packet sockets' tap.
///
/// The table is this process's own (`flags owner`): it vanishes with the `StackSuppressor` or the process, also on SIGKILL, and no
/// other table is touched.
///
/// libnftables ends the process where it cannot go on, when the kernel has no memory for an answer for example. So a copy of the
/// process speaks to it, by the same socket.
public final class StackSuppressor {
    private let context: OpaquePointer
    private var current: SuppressionTable?
    /// The kernel lets rules at the ingress ask for the host's addresses (its module nft_fib_netdev), as far as is known.
    private var asksHost = true
    /// A copy of the process has ended without an answer, so that nobody knows what the table is.
    private var isUnknown = false
    /// Name of the table, `svs_PID`; with a number behind where that name is taken.
    public private(set) var table: String

    /// The socket whose table it is: the table lasts as long as anybody has it open. -1 where that could not be found out.
    public let descriptor: Int32

    /// Needs CAP_NET_ADMIN. Acts in the network namespace of the calling thread.
    public init() throws(HostError) {
        let others = Self.netfilterSockets()
        guard let context = nft_ctx_new(UInt32(NFT_CTX_DEFAULT)) else { throw HostError("open nftables", errno: ENOMEM) }
        self.context = context
        table = "svs_\(getpid())"
        descriptor = Self.netfilterSockets().subtracting(others).first ?? -1
        nft_ctx_buffer_error(context)
        nft_ctx_buffer_output(context)
    }

    deinit { nft_ctx_free(context) }

    /// libnftables does not say which socket is its own.
    private static func netfilterSockets() -> Set<Int32> {
        guard let folder = opendir("/proc/self/fd") else { return [] }
        defer { closedir(folder) }
        var found: Set<Int32> = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if let number = Int32(name), svs_socket_is(number, AF_NETLINK, NETLINK_NETFILTER) == 1 { found.insert(number) }
        }
        return found
    }

    /// Mutes what `muting` says and nothing else, in one step. On an error everything is as before. An interface that the
    /// host does not have is left out; apply again when it appears.
    public func apply(_ suppressed: SuppressedTraffic) throws(HostError) {
        var interfaces: [UInt32: String] = [:]
        for name in suppressed.interfaces {
            guard !name.utf8.contains(where: { $0 <= 32 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) else {
                throw HostError("mute interface \(name)", errno: EINVAL)
            }
            let index = if_nametoindex(name)
            if index != 0 { interfaces[index] = name } else if errno != ENODEV { throw HostError("mute interface \(name)", errno: errno) }
        }
        func wanted(_ asksHost: Bool) -> SuppressionTable {
            SuppressionTable(rules: SuppressionRules(suppressed, asksHost: asksHost), interfaces: interfaces)
        }
        var refusal = carryOut(wanted(asksHost))
        if refusal != nil, asksHost, !suppressed.waitingAddresses.isEmpty {
            refusal = carryOut(wanted(false))
            asksHost = refusal != nil
        }
        if let refusal { throw HostError("mute the host stack", cause: refusal) }
    }

    /// Makes the table what is wanted, in one step; what nft said when it was refused.
    private func carryOut(_ wanted: SuppressionTable) -> String? {
        guard let current else { return create(wanted) }
        if isUnknown {
            let refusal = run(wanted.replacement(table))
            guard refusal != nil else {
                self.current = wanted
                return nil
            }
            // It may not be there at all.
            return isUnknown ? refusal : create(wanted)
        }
        let change = wanted.change(from: current, table)
        guard !change.isEmpty else { return nil }
        // What the kernel took away by itself, such as the chain of an interface that is gone, cannot be deleted; and sets
        // of intervals may not like a change that a new set takes.
        if run(change) != nil, let refusal = run(wanted.replacement(table)) { return refusal }
        self.current = wanted
        return nil
    }

    private func create(_ wanted: SuppressionTable) -> String? {
        var refusal = ""
        // It may be there all the same.
        if isUnknown { _ = run("delete table netdev \(table)\n") }
        // A process of another PID namespace may have the same number.
        for attempt in 0..<16 {
            let name = attempt == 0 ? table : "\(table)_\(attempt)"
            guard let answer = run(wanted.creation(name)) else {
                table = name
                current = wanted
                return nil
            }
            refusal = answer
            guard answer.contains("File exists") || answer.contains("Operation not permitted") else { break }
        }
        return refusal
    }

    /// Runs commands as one transaction; what nft said when they were refused.
    private func run(_ commands: String) -> String? {
        // What is left of an answer that nobody has read to its end would be taken for the next one.
        if descriptor >= 0 { svs_drain(descriptor) }
        var said = [CChar](repeating: 0, count: 4096)
        let status = commands.withCString { text in
            var work = Request(context: context, commands: text)
            return svs_apart(Request.carryOut, &work, &said, said.count, Self.patience)
        }
        isUnknown = status < 0
        guard status != 0 else { return nil }
        guard status > 0 else { return "nftables ended without an answer (\(String(cString: strerror(0 &- status))))" }
        return Self.firstError(of: String(decoding: said.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
            ?? "nftables gives no reason"
    }

    /// Milliseconds for one transaction.
    private static let patience: Int32 = 30_000

    /// What the copy of the process does.
    private struct Request {
        let context: OpaquePointer
        let commands: UnsafePointer<CChar>

        static let carryOut: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<CChar>?, Int) -> Int32 = { work, text, room in
            guard let text, let work = work?.load(as: Request.self) else { return 1 }
            guard nft_run_cmd_from_buffer(work.context, work.commands) != 0 else { return 0 }
            if let said = nft_ctx_get_error_buffer(work.context) { strncpy(text, said, room - 1) }
            return 1
        }
    }

    /// The first error of nft's report. The place and the line that nft shows with it are those of a file's first line
    /// whenever the commands come from memory.
    static func firstError(of report: String) -> String? {
        let lines = report.split(separator: "\n")
        guard let line = lines.first(where: { $0.contains("Error: ") }) else { return lines.first.map { "\($0)" } }
        return line.firstRange(of: "Error: ").map { "\(line[$0.upperBound...])" }
    }
}
