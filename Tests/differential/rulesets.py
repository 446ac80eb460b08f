"""Rules of netfilter made by chance."""
MARKS = (0, 1, 2, 3, 0x10, 0xff, 0x100, 0xffffffff)


class Nft:
    """An nftables ruleset: base chains at all priorities before IPVS's, chains that these lead to, sets and maps."""

    def __init__(self, chance):
        self.chance = chance

    def pick(self, *choices):
        return self.chance.choice(choices)

    def address4(self):
        return self.pick("203.0.113.1", "203.0.113.2", "203.0.113.0/30", "203.0.113.1-203.0.113.50", "0.0.0.0/0")

    def client4(self):
        return self.pick("198.51.100.9", "198.51.100.0/24", "10.0.0.0/8", "192.0.2.200", "198.51.100.10-198.51.100.200")

    def ports(self):
        return self.pick("80", "22", "53-90", "{ 80, 443 }", "{ 22, 50-60, 8000-9000 }", "!= 80", "!= { 80, 81 }", ">= 90", "< 90", "> 443", "<= 80")

    def proto(self):
        return self.pick("tcp", "tcp", "udp", "sctp")

    def match(self):
        chance = self.chance
        return self.pick(
            lambda: f"ip daddr {self.pick('', '!= ')}{self.address4()}", lambda: f"ip saddr {self.pick('', '!= ')}{self.client4()}",
            lambda: f"ip saddr {{ {self.client4()}, 203.0.113.77 }}", lambda: "ip daddr @vips", lambda: "ip saddr . tcp dport @pairs",
            lambda: f"ip6 daddr {self.pick('2001:db8::1', '2001:db8::/127', '!= 2001:db8::2')}", lambda: "ip6 saddr 2001:db8:9::/48",
            lambda: f"{self.proto()} dport {self.ports()}", lambda: f"{self.proto()} sport {self.ports()}",
            lambda: f"meta l4proto {{ tcp, udp }} th dport {self.ports()}",
            lambda: f"tcp flags {self.pick('syn', '& (syn|ack) == syn', '& (fin|syn|rst|ack) == syn', '!= syn', '{ syn, syn|ack }', '! rst')}",
            lambda: f"meta l4proto {self.pick('tcp', '!= tcp', '{ tcp, sctp }')}", lambda: f"ip protocol {self.pick('tcp', 'udp')}",
            lambda: f"meta mark {self.pick('', '!= ')}{chance.choice(MARKS)}", lambda: f"meta mark & 0x0f == {chance.randrange(4)}",
            lambda: f"meta mark {{ 1, 16-300 }}", lambda: f"iifname {self.pick('eth0', 'eth*', '!= eth0', '{ lo, wan* }')}",
            lambda: f"ip dscp {self.pick('cs1', 'ef', '!= 0')}", lambda: f"ip ttl {self.pick('1', '!= 64', '> 64')}",
            lambda: f"ip length {self.pick('< 100', '40', '100-800')}", lambda: f"ct state {self.pick('new', 'established,related', '{ new, untracked }', 'invalid')}",
            lambda: f"ct mark {chance.choice(MARKS)}", lambda: f"fib daddr type {self.pick('local', '!= local', '{ local, broadcast }')}",
            lambda: f"ether saddr {self.pick('', '!= ')}02:00:00:00:00:fe", lambda: "meta pkttype host", lambda: "ip frag-off & 0x1fff != 0",
            lambda: f"meta nfproto {self.pick('ipv4', 'ipv6')}", lambda: "ip daddr & 255.255.255.254 == 203.0.113.2",
            lambda: f"ct original ip daddr {self.pick('203.0.113.1', '203.0.113.2')}", lambda: f"fib saddr . iif oif {self.pick('exists', 'missing')}")()

    def marking(self):
        chance = self.chance
        return self.pick(
            lambda: f"meta mark set {chance.choice(MARKS)}", lambda: f"meta mark set meta mark {self.pick('or', 'and', 'xor')} {chance.choice(MARKS)}",
            lambda: "meta mark set tcp dport map { 22 : 5, 50-80 : 6, 443 : 7 }", lambda: "meta mark set ip daddr . tcp dport map @tcp_map",
            lambda: "meta mark set ct mark", lambda: f"ct mark set {chance.choice(MARKS)}", lambda: "ct mark set meta mark",
            lambda: "meta mark set ip saddr map { 198.51.100.0/24 : 9, 10.1.2.3 : 10 }")()

    def verdict(self, deeper):
        ways = [f"{self.pick('jump', 'goto')} c{n}" for n in deeper]
        target = self.pick("accept", "drop", *(ways or ["return"]))
        return self.pick("accept", "return", "drop", "reject with icmpx admin-prohibited", *ways, *ways,
                         f"tcp dport vmap {{ 22 : {target}, 80-90 : accept, 443 : return }}",
                         f"meta mark vmap {{ 0 : {target}, 1 : accept, 16-300 : return }}", "ip protocol vmap @by_proto",
                         f"ip daddr . meta l4proto vmap {{ 203.0.113.1 . tcp : {target}, 203.0.113.2 . udp : accept }}")

    def rule(self, deeper, early):
        words = [self.match() for _ in range(self.chance.randrange(3))]
        action = self.chance.random()
        if action < 0.5:
            words.append(self.marking())
        if self.chance.random() < 0.2:
            words.append(self.match())
        if action > 0.4:
            words.append(self.verdict(deeper))
        if self.chance.random() < 0.3:
            words.insert(self.chance.randrange(len(words)), "counter")
        if "reject" in words[-1] and early:
            words[-1] = "drop"
        return " ".join(words)

    def text(self):
        lines = ["table inet t {", "set vips { type ipv4_addr; flags interval; elements = { 203.0.113.1, 203.0.113.64/28 } }",
                 "set pairs { type ipv4_addr . inet_service; flags interval; elements = { 198.51.100.0/24 . 80, 10.0.0.0-10.9.9.9 . 20-60 } }",
                 "map tcp_map { type ipv4_addr . inet_service : mark; flags interval; elements = { 203.0.113.1-203.0.113.2 . 80 : 1000, 203.0.113.77 . 443 : 1001 } }",
                 "map by_proto { type inet_proto : verdict; elements = { tcp : continue, udp : return, sctp : accept } }"]
        count = self.chance.randrange(4)
        for n in reversed(range(count)):
            lines.append(f"chain c{n} {{")
            lines += [self.rule(range(n + 1, count), True) for _ in range(self.chance.randrange(1, 5))]
            lines.append("}")
        for n in range(self.chance.randrange(1, 5)):
            hook = self.pick("prerouting", "prerouting", "input", "input", "ingress")
            priority = self.pick(-300, -150, -150, 0, 0, 10, 96) if hook != "ingress" else self.pick(-500, 0)
            if hook == "ingress":
                continue
            policy = "drop" if self.chance.random() < 0.15 else "accept"
            lines.append(f"chain b{n} {{ type filter hook {hook} priority {priority}; policy {policy};")
            lines += [self.rule(range(count), hook == "prerouting") for _ in range(self.chance.randrange(1, 7))]
            lines.append("}")
        return "\n".join(lines + ["}"]) + "\n"

    def load(self, inside):
        return inside("nft", "-f", "-", stdin=self.text())


class Iptables:
    """Rules in the tables raw, mangle and filter, for both families."""

    def __init__(self, chance, legacy):
        self.chance, self.legacy = chance, legacy

    def pick(self, *choices):
        return self.chance.choice(choices)

    def proto_match(self):
        proto = self.pick("tcp", "tcp", "udp", "sctp")
        ports = self.pick("80", "22", "50:90", "8000:", ":79")
        return self.pick(
            f"-p {proto}", f"-p {proto} -m {proto} --dport {ports}", f"-p {proto} -m {proto} ! --dport {ports}", f"-p {proto} -m {proto} --sport {ports}",
            f"-p {proto} -m multiport --dports 22,80:90", f"-p {proto} -m multiport ! --ports 443,1024", "-p tcp -m tcp --syn", "-p tcp -m tcp",
            "-p tcp -m tcp --tcp-flags SYN,ACK SYN", f"! -p {proto}")

    def match(self, family):
        places = ("203.0.113.1", "203.0.113.0/30", "203.0.113.77") if family == 4 else ("2001:db8::1", "2001:db8::/127")
        clients = ("198.51.100.0/24", "10.0.0.0/8") if family == 4 else ("2001:db8:9::/48",)
        no = self.pick("", "", "! ")
        return self.pick(
            f"{no}-d {self.pick(*places)}", f"{no}-s {self.pick(*clients)}", "-i eth+", "! -i eth0", f"-m mark {no}--mark {self.pick('0x1', '0x0/0xf', '0x10/0xf0')}",
            f"-m addrtype {no}--dst-type LOCAL", f"-m conntrack {no}--ctstate {self.pick('NEW', 'RELATED,ESTABLISHED', 'INVALID,NEW')}", "-m state --state NEW",
            "-m connmark --mark 0x1", f"-m mac {no}--mac-source 02:00:00:00:00:fe", "-m length --length 40:100", "-m comment --comment \"a b\"",
            "-m pkttype --pkt-type unicast", f"-m iprange --dst-range {'203.0.113.1-203.0.113.9' if family == 4 else '2001:db8::1-2001:db8::2'}",
            *([f"-f", "-m ttl --ttl-gt 63", f"-m dscp {no}--dscp 0x08", "-m addrtype --src-type UNICAST"] if family == 4 else ["-m hl --hl-lt 60"]))

    def target(self, table, deeper):
        ways = [f"{self.pick('-j', '-g')} C{n}" for n in deeper]
        marks = [f"-j MARK --set-xmark {self.pick('0x1/0xffffffff', '0x5/0xff', '0x10/0x10')}", "-j MARK --or-mark 0x2", "-j MARK --and-mark 0xf0",
                 "-j CONNMARK --save-mark", "-j CONNMARK --restore-mark", "-j CONNMARK --set-xmark 0x1/0xff"]
        return self.pick("-j ACCEPT", "-j DROP", "-j RETURN", "", *ways, *ways, *(marks * 2 if table == "mangle" else ()),
                         *(["-j REJECT --reject-with tcp-reset"] if table == "filter" else ()))

    def rule(self, family, table, deeper):
        words = [self.match(family) for _ in range(self.chance.randrange(3))]
        if len(set(w.split(" --")[0].replace("! ", "")[:12] for w in words)) < len(words):
            words = words[:1]
        proto = self.proto_match() if self.chance.random() < 0.6 else ""
        target = self.target(table, deeper)
        if "tcp-reset" in target:
            proto = "-p tcp -m tcp --dport 80"
        early = [w for w in words if not w.lstrip("! ").startswith("-m")]
        late = [w for w in words if w.lstrip("! ").startswith("-m")]
        return " ".join(filter(None, early + [proto] + late + [target]))

    def text(self, family):
        lines = []
        for table, bases in (("raw", ["PREROUTING"]), ("mangle", ["PREROUTING", "INPUT"]), ("filter", ["INPUT"])):
            if self.chance.random() < 0.3:
                continue
            count = self.chance.randrange(3)
            lines.append(f"*{table}")
            lines += [f":{base} {'DROP' if self.chance.random() < 0.1 else 'ACCEPT'} [0:0]" for base in bases]
            lines += [f":C{n} - [0:0]" for n in range(count)]
            for base in bases:
                lines += [f"-A {base} {self.rule(family, table, range(count))}" for _ in range(self.chance.randrange(6))]
            for n in range(count):
                lines += [f"-A C{n} {self.rule(family, table, range(n + 1, count))}" for _ in range(self.chance.randrange(1, 5))]
            lines.append("COMMIT")
        text = "\n".join(lines) + "\n"
        # Nothing is known of a connection before connection tracking.
        return text

    def load(self, inside):
        for family, tool in ((4, "iptables"), (6, "ip6tables")):
            restored = inside(f"{tool}-{'legacy' if self.legacy else 'nft'}-restore", stdin=self.text(family))
            if restored[0]:
                return restored
        return 0, "", ""
