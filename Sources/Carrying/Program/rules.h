// The director's rules: which of the frames that are not carried its socket gets.
#ifndef SVS_RULES_H
#define SVS_RULES_H

// Whether one of the director's rules lets the packet through that has these ends.
static __always_inline int wanted(
    const struct svs_carry_rules *rules, uint32_t family, uint32_t protocol, const uint64_t *ends, const uint16_t *ports, int has_ports)
{
    for (uint32_t place = 0; place < SVS_CARRY_RULES; place++) {
        if (place >= rules->count) break;
        const struct svs_carry_rule *rule = &rules->all[place];
        uint32_t end = rule->is_destination ? 1 : 0;
        uint64_t high = end ? ends[2] : ends[0], low = end ? ends[3] : ends[1];
        uint64_t other = ((high ^ rule->address[0]) & rule->mask[0]) | ((low ^ rule->address[1]) & rule->mask[1]) | (rule->family ^ family);
        if (other) continue;
        if (!has_ports) return 1;
        if (rule->protocol && rule->protocol != protocol) continue;
        uint16_t port = end ? ports[1] : ports[0];
        if (port >= rule->first && port <= rule->last) return 1;
    }
    return 0;
}

// What the socket gets of a frame that is not carried.
static __attribute__((noinline)) int left_to_director(struct __sk_buff *frame, const struct svs_carry_shared *shared)
{
    const struct svs_carry_rules *rules = &shared->rules[shared->turn & 1];
    if (rules->everything) return EVERYTHING;
    uint64_t ends[4] = {0};
    uint16_t ports[2] = {0};
    if (frame->protocol == bpf_htons(IPV4)) {
        struct packet4 packet;
        if (bpf_skb_load_bytes(frame, ETHERNET, &packet, 20)) return 0;
        if (packet.protocol == ICMP && rules->icmp) return EVERYTHING;
        int is_transport = packet.protocol == TCP || packet.protocol == UDP || packet.protocol == SCTP;
        int is_later = (packet.fragment & bpf_htons(0x1fff)) != 0, size = (packet.version_and_length & 15) * 4;
        int has_ports = is_transport && !is_later && !bpf_skb_load_bytes(frame, ETHERNET + size, ports, 4);
        ends[1] = (uint64_t)packet.source << 32;
        ends[3] = (uint64_t)packet.destination << 32;
        ports[0] = bpf_ntohs(ports[0]);
        ports[1] = bpf_ntohs(ports[1]);
        return wanted(rules, 4, packet.protocol, ends, ports, has_ports) ? EVERYTHING : 0;
    }
    if (frame->protocol == bpf_htons(IPV6)) {
        struct packet6 packet;
        if (bpf_skb_load_bytes(frame, ETHERNET, &packet, 40)) return 0;
        if (packet.protocol == ICMP6 && rules->icmp6) return EVERYTHING;
        int is_transport = packet.protocol == TCP || packet.protocol == UDP || packet.protocol == SCTP;
        int has_ports = is_transport && !bpf_skb_load_bytes(frame, ETHERNET + 40, ports, 4);
        ends[0] = packet.source[0];
        ends[1] = packet.source[1];
        ends[2] = packet.destination[0];
        ends[3] = packet.destination[1];
        ports[0] = bpf_ntohs(ports[0]);
        ports[1] = bpf_ntohs(ports[1]);
        return wanted(rules, 6, packet.protocol, ends, ports, has_ports) ? EVERYTHING : 0;
    }
    return frame->protocol == bpf_htons(ARP) ? EVERYTHING : 0;
}

#endif
