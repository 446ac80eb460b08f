import LVS
import Testing

struct TunablesTests {
    @Test(arguments: [
        ("net.ipv4.vs.sloppy_tcp", "1", "1"),
        ("net/ipv4/vs/drop_entry", "3", "3"),
        ("vs.drop_packet", " 2 ", "2"),
        ("vs/secure_tcp", "0x1", "1"),
        ("vs.am_droprate", "010", "8"),
        ("vs.conn_reuse_mode", "-1", "-1"),
        ("vs.sync_threshold", "5 \t 60", "5\t60"),
        ("vs.sync_threshold", "8 0", "8\t0"),
        ("vs.sync_threshold", "7", "7\t50"),
        ("vs.sync_ports", "16", "16"),
        ("vs.sync_qlen_max", "9223372036854775807", "9223372036854775807"),
        ("net.ipv4.ip_default_ttl", "255", "255"),
        ("net.ipv4.ip_local_port_range", "1024 65535", "1024\t65535"),
        ("net.ipv6.conf.all.forwarding", "0", "0"),
    ])
    func takes(key: String, value: String, shown: String) throws {
        var tunables = Tunables()
        try tunables.set(key, to: value)
        #expect(tunables.value(of: key) == shown)
    }

    @Test(arguments: [
        ("net.ipv4.vs.no_such", "1", "unknown key net.ipv4.vs.no_such"),
        ("net.ipv4.vs", "1", "unknown key net.ipv4.vs"),
        ("", "1", "unknown key "),
        ("vs.drop_entry", "4", "vs.drop_entry: 4: expected 0 to 3"),
        ("vs.drop_entry", "-1", "vs.drop_entry: -1: expected 0 to 3"),
        ("vs.secure_tcp", "", "vs.secure_tcp: no value: expected 0 to 3"),
        ("vs.sloppy_tcp", "yes", "vs.sloppy_tcp: yes: expected a number"),
        ("vs.sloppy_tcp", "1 2", "vs.sloppy_tcp: 1 2: expected a number"),
        ("vs.sloppy_tcp", "2147483648", "vs.sloppy_tcp: 2147483648: expected a number"),
        ("vs.sloppy_tcp", "99999999999999999999999", "vs.sloppy_tcp: 99999999999999999999999: expected a number"),
        ("vs.sloppy_tcp", "0x", "vs.sloppy_tcp: 0x: expected a number"),
        ("vs.sloppy_tcp", "--1", "vs.sloppy_tcp: --1: expected a number"),
        ("vs.sync_version", "2", "vs.sync_version: 2: expected 0 to 1"),
        ("vs.sync_ports", "3", "vs.sync_ports: 3: expected a power of two"),
        ("vs.sync_ports", "0", "vs.sync_ports: 0: expected a number from 1"),
        ("vs.sync_threshold", "50 50", "vs.sync_threshold: 50 50: expected a threshold below the period"),
        ("vs.sync_threshold", "-1 50", "vs.sync_threshold: -1 50: expected a number from 0"),
        ("vs.sync_threshold", "1 2 3", "vs.sync_threshold: 1 2 3: expected two numbers"),
        ("net.ipv4.ip_default_ttl", "0", "net.ipv4.ip_default_ttl: 0: expected 1 to 255"),
        (
            "net.ipv4.ip_local_port_range", "900 2000",
            "net.ipv4.ip_local_port_range: 900 2000: expected the local port range above ip_unprivileged_port_start"
        ),
        ("net.ipv4.ipfrag_high_thresh", "5", "net.ipv4.ipfrag_high_thresh: 5: expected the low threshold not above the high one"),
    ])
    func refuses(key: String, value: String, text: String) {
        var tunables = Tunables()
        let error = #expect(throws: TunableError.self) { try tunables.set(key, to: value) }
        #expect(error?.description == text)
        #expect(tunables == Tunables(), "a refused value changes nothing")
    }

    /// The kernel's values at boot, as it lists them; each is taken back unchanged.
    @Test(arguments: [
        ("am_droprate", "10"), ("amemthresh", "1024"), ("backup_only", "0"), ("cache_bypass", "0"), ("conn_reuse_mode", "1"),
        ("conntrack", "0"), ("debug_level", "0"), ("drop_entry", "0"), ("drop_packet", "0"), ("expire_nodest_conn", "0"),
        ("expire_quiescent_template", "0"), ("ignore_tunneled", "0"), ("lblc_expiration", "86400"),
        ("lblcr_expiration", "86400"), ("nat_icmp_send", "0"), ("pmtu_disc", "1"), ("run_estimation", "1"),
        ("schedule_icmp", "0"), ("secure_tcp", "0"), ("sloppy_sctp", "0"), ("sloppy_tcp", "0"), ("snat_reroute", "1"),
        ("svs_early_drop", "1"), ("sync_persist_mode", "0"), ("sync_ports", "1"), ("sync_refresh_period", "0"), ("sync_retries", "0"),
        ("sync_sock_size", "0"), ("sync_threshold", "3\t50"), ("sync_version", "1"),
    ])
    func defaults(name: String, value: String) {
        #expect(Tunables().value(of: "net.ipv4.vs." + name) == value)
    }

    @Test func everyNameIsTakenBackAsItIsShown() throws {
        var tunables = Tunables()
        for name in Tunables.names {
            try tunables.set(name, to: try #require(tunables.value(of: name)))
        }
        #expect(tunables == Tunables())
        #expect(Set(Tunables.names).count == Tunables.names.count)
        #expect(Tunables.names.count { $0.hasPrefix("net.ipv4.vs.") } == 31)
    }
}
