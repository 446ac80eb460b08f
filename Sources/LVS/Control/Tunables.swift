/// The switches of the director: `net.ipv4.vs.*` of Linux 6.1, and of the rest of `net.*` what the host's answers and
/// fragments depend on. Numbers are as sysctl shows them.
///
/// Defaults are the kernel's, with two exceptions that suit a director which is replayed: packets are forwarded, and ICMP
/// errors are not limited. Live, the host's own values are read.
public struct Tunables: Hashable, Sendable {
    // Choosing and keeping connections

    /// `conn_reuse_mode`: what a SYN does on a connection that is closing. 0 keeps its server, anything else schedules it
    /// afresh; bit 2 includes connections in FIN_WAIT that saw no reply.
    public var connectionReuseMode: Int32 = 1
    /// `expire_nodest_conn`: packets of a connection whose server was removed expire it; with 0 they are dropped silently.
    public var expireNoDestination: Int32 = 0
    /// `expire_quiescent_template`: persistence templates of servers with weight 0 expire on use.
    public var expireQuiescentTemplate: Int32 = 0
    /// `sloppy_tcp`: segments other than SYN may create a connection.
    public var sloppyTCP: Int32 = 0
    /// `sloppy_sctp`: chunks other than INIT may create a connection.
    public var sloppySCTP: Int32 = 0
    /// `schedule_icmp`: an ICMP error that quotes an unknown packet to a service creates a connection.
    public var scheduleICMP: Int32 = 0
    /// `ignore_tunneled`: decapsulated packets are not scheduled again.
    public var ignoreTunneled: Int32 = 0
    /// `cache_bypass`: without a server, packets of a mark service go to their original destination.
    public var cacheBypass: Int32 = 0
    /// `lblc_expiration`: seconds after which `lblc` forgets an unused destination.
    public var lblcExpiration: Int32 = 86400
    /// `lblcr_expiration`: the same for the server sets of `lblcr`.
    public var lblcrExpiration: Int32 = 86400

    // Forwarding

    /// `pmtu_disc`: tunnels set DF and honour the path MTU.
    public var pathMTUDiscovery: Int32 = 1
    /// `nat_icmp_send`: a NAT reply without a connection is answered with port unreachable.
    public var natICMPSend: Int32 = 0
    /// `snat_reroute`: NAT replies are routed again by their new source.
    public var snatReroute: Int32 = 1
    /// `conntrack`: keep netfilter connection tracking for IPVS connections.
    public var conntrack: Int32 = 0

    // Defence; 0 off, 1 and 2 automatic (off, on), 3 always

    /// `drop_entry`: connections that never got far are dropped at random.
    public var dropEntry: Int32 = 0
    /// `drop_packet`: one in `drop rate` packets that would create a connection is dropped.
    public var dropPacket: Int32 = 0
    /// `secure_tcp`: the second TCP state table with its short timeouts.
    public var secureTCP: Int32 = 0
    /// `amemthresh`: available memory in pages below which automatic defence begins.
    public var availableMemoryThreshold: Int32 = 1024
    /// `am_droprate`: drop rate of `drop_packet` in mode 3.
    public var alwaysModeDropRate: Int32 = 10

    /// `svs_early_drop`, which only SVS has: in a table that fills, entries that nobody answered or continued last less long
    /// and give way to new ones; 0 refuses the new ones, as the kernel does when its memory runs out.
    public var earlyDrop: Int32 = 1

    // Counting and logging

    /// `run_estimation`: rates are estimated every two seconds.
    public var runEstimation: Int32 = 1
    /// `debug_level`: 0 (silent) and up.
    public var debugLevel: Int32 = 0

    // Synchronisation with other directors

    /// `backup_only`: no directing while the backup daemon runs.
    public var backupOnly: Int32 = 0
    /// `sync_version`: format of the messages, 0 or 1.
    public var syncVersion: Int32 = 1
    /// `sync_ports`: number of sender and receiver sockets, a power of two.
    public var syncPorts: Int32 = 1
    /// `sync_persist_mode`: 1 sends only templates of persistent services.
    public var syncPersistMode: Int32 = 0
    /// `sync_qlen_max`: messages that may wait for a sender; the kernel computes it from its memory.
    public var syncQueueLimit: Int64 = 7837
    /// `sync_sock_size`: socket buffer in bytes, 0 for the system's default.
    public var syncSocketSize: Int32 = 0
    /// `sync_threshold`, first number: packets after which a connection is sent.
    public var syncThreshold: Int32 = 3
    /// `sync_threshold`, second number: packets between later messages, 0 for none.
    public var syncPeriod: Int32 = 50
    /// `sync_refresh_period`: seconds, 0 off.
    public var syncRefreshPeriod: Int32 = 0
    /// `sync_retries`: 0 to 3 repetitions within a refresh period.
    public var syncRetries: Int32 = 0

    // The host around the director: `net.ipv4.*`, `net.ipv6.*`

    /// `ip_forward`: IPv4 packets to others are forwarded, 0 no. A booted kernel has 0, a director 1.
    public var forward4: Int32 = 1
    /// `net.ipv6.conf.all.forwarding`: the same for IPv6.
    public var forward6: Int32 = 1
    /// `ip_default_ttl`: TTL of packets the host makes, 1 to 255.
    public var defaultTTL: Int32 = 64
    /// `ip_no_pmtu_disc`: 1 does not learn path MTUs from ICMP, 2 learns only the minimum, 3 checks strictly.
    public var noPathMTUDiscovery: Int32 = 0
    /// `icmp_ratelimit`: milliseconds between two ICMP errors to one address, 0 for no limit. The kernel boots with 1000.
    public var icmpRateLimit: Int32 = 0
    /// `icmp_ratemask`: bit per ICMP type that is limited (3, 4, 11 and 12).
    public var icmpRateMask: Int32 = 6168
    /// `icmp_msgs_per_sec`: ICMP errors to all addresses in a second, 0 for no limit. The kernel boots with 1000.
    public var icmpMessagesPerSecond: Int32 = 0
    /// `icmp_msgs_burst`: how many of them at once, where a limit is set.
    public var icmpMessagesBurst: Int32 = 50
    /// `net.ipv6.icmp.ratelimit`: milliseconds between two ICMPv6 errors to one address, 0 for no limit.
    public var icmp6RateLimit: Int32 = 0
    /// `icmp_echo_ignore_all`: 1 answers no ping.
    public var ignoreEcho4: Int32 = 0
    /// `net.ipv6.icmp.echo_ignore_all`: the same for IPv6.
    public var ignoreEcho6: Int32 = 0
    /// `ip_unprivileged_port_start`: first port that any user may bind.
    public var unprivilegedPortStart: Int32 = 1024
    /// `ip_local_port_range`: first and last port that the host picks for its own sockets.
    public var firstLocalPort: Int32 = 32768
    public var lastLocalPort: Int32 = 60999
    /// `ipfrag_time`: seconds that IPv4 fragments wait for the rest.
    public var fragmentTime4: Int32 = 30
    /// `ipfrag_high_thresh`: bytes of memory that waiting IPv4 fragments may use.
    public var fragmentMemory4: Int64 = 4_194_304
    /// `ipfrag_low_thresh`: accepted for its bound on the high threshold; kernels since 4.17 use it for nothing else.
    public var fragmentMemoryLow4: Int64 = 3_145_728
    /// `ipfrag_max_dist`: packets of one sender that may come between two fragments of a packet, 0 for no limit.
    public var fragmentMaxDistance: Int32 = 64
    /// `ip6frag_time`: seconds that IPv6 fragments wait for the rest.
    public var fragmentTime6: Int32 = 60
    /// `ip6frag_high_thresh`, `ip6frag_low_thresh`: as for IPv4.
    public var fragmentMemory6: Int64 = 4_194_304
    public var fragmentMemoryLow6: Int64 = 3_145_728

    public init() {}
}

/// Why a switch was not set.
public enum TunableError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No switch of that name here.
    case unknown(String)
    /// The value is not what the switch takes: its name, the value given, and what is expected.
    case illegal(String, value: String, expected: String)

    public var description: String {
        switch self {
        case .unknown(let key): "unknown key \(key)"
        case .illegal(let key, let value, let expected): "\(key): \(value.isEmpty ? "no value" : value): expected \(expected)"
        }
    }
}
