extension Verdict {
    /// The reason code in words joined by dashes.
    public var name: String { text.name }

    /// One sentence for people: what happened and why.
    public var sentence: String { text.sentence }

    private var text: (name: String, sentence: String) {
        switch self {
        case .directRouting: ("direct-routing", "sent to the real server's MAC, the packet otherwise unchanged but for its TTL")
        case .tunneling: ("tunneling", "sent to the real server inside an outer header")
        case .masquerading: ("masquerading", "destination translated to the real server (NAT)")
        case .fullNAT: ("fullnat", "source and destination translated (FULLNAT)")
        case .bypass: ("cache-bypass", "sent to its own destination: no server, and cache_bypass is on")
        case .replyTranslated: ("reply-translated", "a server's reply, its source translated back to the virtual address")
        case .icmpToServer: ("icmp-to-server", "an ICMP error about a connection, forwarded to its server")
        case .icmpToClient: ("icmp-to-client", "an ICMP error from the server's side, translated for the client")
        case .tunnelErrorToClient: ("tunnel-error-to-client", "an ICMP error about our own tunnel packet, told to the client")
        case .localNode: ("local-node", "delivered to the director itself, which is the real server")
        case .routed: ("routed", "forwarded in the host's place, unchanged but for its TTL")
        case .fragmentQueued: ("fragment-queued", "a fragment that waits for the rest of its datagram")
        case .neighborPending: ("neighbor-pending", "waits until the next hop's MAC is known")
        case .arpReply: ("arp-reply", "an ARP request for an address of the director, answered")
        case .neighborAdvertisement: ("neighbor-advertisement", "a neighbour solicitation for an address of the director, answered")
        case .echoReply: ("echo-reply", "a ping to an address of the director, answered")
        case .reset: ("reset", "a TCP segment that belongs to nothing, or to a server that resets what it has, answered with RST")
        case .portUnreachable: ("port-unreachable", "a datagram to a closed port, answered with ICMP port unreachable")
        case .protocolUnreachable: ("protocol-unreachable", "a protocol nobody speaks here, answered with ICMP protocol unreachable")
        case .passForeignType: ("pass-foreign-type", "neither IP nor ARP: left to the host")
        case .passNotLocal: ("pass-not-local", "not for an address of the director: left to the host's own routing")
        case .passWaiting:
            (
                "pass-waiting",
                "for a virtual address that waits: neither has the host it nor does the director own it; left to the host's routing"
            )
        case .passNoService: ("pass-no-service", "for the director, but for no virtual service: left to the host")
        case .passServiceless: ("pass-serviceless", "no service of this address family is left: left to the host")
        case .passBackupOnly:
            ("pass-backup-only", "the director is a backup only (backup_only is set and its backup daemon runs): left to the host")
        case .passReply: ("pass-reply", "a reply of a real server that needs no translation: left to the host's routing")
        case .passICMP: ("pass-icmp", "an ICMP message that is no error about a known connection: left to the host")
        case .passARP: ("pass-arp", "an ARP or neighbour discovery message that asks nothing of the director: left to the host")
        case .passFTPService: ("pass-ftp-service", "found the service of port 21, which has no server for other ports: left to the host")
        case .malformed: ("malformed", "too short, or its lengths, versions or IP checksum contradict each other")
        case .otherHost: ("other-host", "its destination MAC is not the director's")
        case .groupDestination: ("group-destination", "sent to a link-level group, which is never balanced")
        case .oversizedFrame: ("oversized-frame", "longer than the interface it came in on can carry")
        case .shortTransport: ("short-transport", "too short for its TCP, UDP or SCTP header")
        case .noServer: ("no-server", "a service without a usable server: answered with ICMP port unreachable where allowed")
        case .serverGone: ("server-gone", "its connection's server was removed; the connection waits for its return")
        case .icmpNoServer: ("icmp-no-server", "an ICMP error for a service without a usable server")
        case .tableFull: ("table-full", "the connection table is full")
        case .dropPacketDefence: ("drop-packet", "dropped by the drop_packet defence")
        case .timeExceeded: ("time-exceeded", "its TTL is used up: answered with ICMP time exceeded")
        case .fragmentationNeeded: ("fragmentation-needed", "too long for the way with DF set: answered with ICMP fragmentation needed")
        case .packetTooBig: ("packet-too-big", "too long for the way: answered with ICMPv6 packet too big")
        case .overheadTooLarge: ("overhead-too-large", "the tunnel's headers leave less than the minimum MTU")
        case .noRoute: ("no-route", "no route to where it must go: answered with ICMP unreachable")
        case .neighborUnknown:
            ("neighbor-unknown", "the next hop does not answer for its MAC: the sender is told host or address unreachable")
        case .neighborQueueFull: ("neighbor-queue-full", "too many packets wait for the next hop's MAC")
        case .noBuffer: ("no-buffer", "no room left for the packets it gives rise to")
        case .icmpMalformed:
            ("icmp-malformed", "an ICMP message that is too short, or an error with a wrong checksum or an unreadable quote")
        case .icmpUnusable: ("icmp-unusable", "an ICMP error about a tunnel packet that the client cannot be told of")
        case .pathLearned: ("path-learned", "an ICMP error about a tunnel packet: the director learned from it, the client need not know")
        case .icmpTimeExceeded: ("icmp-time-exceeded", "an ICMP error whose TTL is used up: dropped without a word")
        case .optionsRefused: ("options-refused", "its IP options or extension headers are wrong, or ask for a route of their own")
        case .martian: ("martian", "its source or destination address is one that no packet on a wire may have")
        case .fragmentInvalid: ("fragment-invalid", "a fragment whose offset and length contradict the rest of its datagram")
        case .fragmentOverlap: ("fragment-overlap", "a fragment that overlaps others of its datagram")
        case .fragmentDuplicate: ("fragment-duplicate", "a fragment that was there already")
        case .fragmentLimit: ("fragment-limit", "no memory left for more fragments")
        case .fragmentTimeout: ("fragment-timeout", "the rest of its datagram did not come in time")
        case .unknownReply: ("unknown-reply", "from a real server's port, but of no known connection: answered with ICMP port unreachable")
        case .noCallID: ("no-call-id", "the persistence engine found no Call-ID in it")
        case .localAddressesExhausted: ("local-addresses-exhausted", "no free local address and port towards the real server")
        case .loopbackServer: ("loopback-server", "a remote client's packet for a server on a loopback address")
        case .bypassLocal:
            (
                "bypass-local",
                "no server, and its own destination, where cache_bypass would send it, is the director: dropped without a word"
            )
        case .headersTooLong: ("headers-too-long", "no room in the packet for the headers that forwarding adds")
        case .hostFirewall: ("host-firewall", "a rule of the host's netfilter drops it")
        case .noResponder: ("no-responder", "for the director itself, which has no answer to it")
        }
    }

    /// The verdict of a reason code.
    public init?(name: String) {
        guard let verdict = Verdict.allCases.first(where: { $0.name == name }) else { return nil }
        self = verdict
    }
}
