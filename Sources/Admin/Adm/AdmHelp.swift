extension AdmTexts {
    /// What `-h` prints.
    static let help = """
        \(version)
        svs adm - asks and changes a running director, in the language of ipvsadm

        Usage:
          svs adm [--control PATH] COMMAND [OPTION...]
          ipvsadm COMMAND [OPTION...]

        The director is the `svs run` that listens at PATH, at $SVS_CONTROL, or at /run/svs.sock.
        Without a command the services are listed. Long options may be written --option=VALUE,
        short ones together: -Ln.

        Commands for services:
          -A, --add-service SERVICE [service options]       a new virtual service
          -E, --edit-service SERVICE [service options]      its settings anew; what is left out becomes the default
          -D, --delete-service SERVICE                      the service goes, its connections stay
          -C, --clear                                       all services go
          -Z, --zero [SERVICE]                              counters from 0, of one service or of all

        Commands for real servers:
          -a, --add-server SERVICE -r SERVER [server options]
          -e, --edit-server SERVICE -r SERVER [server options]
          -d, --delete-server SERVICE -r SERVER

        Commands that show, save and restore:
          -L, -l, --list [SERVICE] [list options]
          -S, --save [-n]                                   rules on standard output
          -R, --restore                                     rules from standard input, one a line

        Other commands:
          --set TCP FIN UDP                                 timeouts in seconds, 0 leaves one as it is
          --start-daemon master|backup [daemon options]     connection synchronisation
          --stop-daemon master|backup
          -h, --help
          -v, --version

        SERVICE is one of:
          -t, --tcp-service HOST[:PORT]
          -u, --udp-service HOST[:PORT]
              --sctp-service HOST[:PORT]
          -f, --fwmark-service MARK [-6, --ipv6]            packets with this firewall mark, 1 to 4294967295
        HOST is an address or a name; IPv6 with a port is [ADDRESS]:PORT. PORT is a number, a name,
        or 0 for every port of a persistent service. Several ports make one service of svs:
        -t 10.9.0.1:80,443 or -t 10.9.0.1:8000-8099.

        Service options:
          -s, --scheduler NAME            rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh twos, none (default wlc)
          -p, --persistent [SECONDS]      a client stays with its server (default 360)
          -M, --netmask MASK              how much of a client's address counts: IPv4 mask or IPv6 prefix length
              --pe NAME                   persistence engine: sip
          -b, --sched-flags FLAG,...      sh-fallback sh-port, mh-fallback mh-port, flag-1 flag-2 flag-3
          -o, --ops                       one-packet scheduling, for UDP
        of svs only:
              --local-address ADDR[-ADDR],...   FULLNAT's own addresses; may be repeated
              --no-toa                    FULLNAT does not tell servers the client's address
              --proxy-protocol            FULLNAT tells it by PROXY protocol version 2 (default: TCP option 254)
              --mss-clamp auto|off|BYTES  lowers the segment size that SYNs announce (default off)
              --timeout-tcp SECONDS       this service's own timeouts; 0 follows --set
              --timeout-fin SECONDS
              --timeout-udp SECONDS

        Server options:
          -r, --real-server HOST[:PORT]   PORT matters with -m and --fullnat; otherwise it is the service's
          -g, --gatewaying                direct routing (default)
          -i, --ipip                      tunnel
          -m, --masquerading              network address translation of the destination
              --fullnat                   of both addresses; of svs only
              --tun-type TYPE             with -i: ipip, gue or gre (default ipip)
              --tun-port PORT             with gue: its UDP port
              --tun-nocsum, --tun-csum, --tun-remcsum   with gue; the first two with gre
          -w, --weight N                  0 takes no new connections (default 1)
          -x, --u-threshold N             no new connections from N on (default 0: none)
          -y, --l-threshold N             again below N

        List options:
          -n, --numeric                   no names, which may wait for DNS
          -c, --connection                connections instead of services
              --timeout                   the timeouts of --set
              --daemon                    the synchronisation daemons
              --stats                     counters
              --rate                      rates a second
              --thresholds                connection thresholds
              --persistent-conn           persistent connections; with -c what a persistence engine keeps
              --tun-info                  tunnels
          -X, --exact                     numbers in full
              --nosort                    in the director's own order
              --sort                      has no effect

        Daemon options:
              --mcast-interface NAME      default eth0
              --syncid N                  0 to 255 (default 0)
              --sync-maxlen N             bytes of a message, 1 to 65507
              --mcast-group ADDRESS       default 224.0.0.81
              --mcast-port PORT           default 8848
              --mcast-ttl N               default 1

        Exit status: 0 done; 2 a mistake in the arguments, or no director; 255 refused by the director, or an
        option that does not exist; 1 a listing failed.

        """
}
