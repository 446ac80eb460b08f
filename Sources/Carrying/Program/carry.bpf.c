// Carries frames of flows that the director has entered in a map; everything else goes up to the director.
//
// Packet sockets see a frame before ingress programs do, both on the same processor, one right after the other. So `watch`, the
// filter of the director's socket, decides about a frame and keeps it back from the socket, and `carry`, at ingress, obeys. What
// the one says to the other stands in a map of its own for each processor.
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "carrying.h"
#include "packets.h"

// Nothing that is called here is for programs under the GPL alone.
char terms[] SEC("license") = "Apache-2.0";

#define BPF_MAP(map, kind, Key, Value, size, options) \
    struct { \
        __uint(type, kind); \
        __type(key, Key); \
        __type(value, Value); \
        __uint(max_entries, size); \
        __uint(map_flags, options); \
    } map SEC(".maps")

// The loader says how many flows there may be.
BPF_MAP(flows4, BPF_MAP_TYPE_HASH, struct svs_flow4, struct svs_carried, 16, BPF_F_NO_PREALLOC);
BPF_MAP(flows6, BPF_MAP_TYPE_HASH, struct svs_flow6, struct svs_carried, 16, BPF_F_NO_PREALLOC);
BPF_MAP(shared, BPF_MAP_TYPE_ARRAY, uint32_t, struct svs_carry_shared, 1, BPF_F_MMAPABLE);
BPF_MAP(counts, BPF_MAP_TYPE_PERCPU_ARRAY, uint32_t, struct svs_carried_count, SVS_CARRY_SERVERS, 0);

// What `watch` says to `carry` about the frame that both look at.
struct word {
    // Frames that were looked at.
    uint64_t frames;
    uint32_t fate;
    uint32_t interface;
    uint32_t length;
    uint32_t egress;
    uint32_t addresses[3];
    uint32_t is_v6;
    // The flow of a frame that goes up.
    struct svs_flow4 flow4;
    struct svs_flow6 flow6;
};

BPF_MAP(words, BPF_MAP_TYPE_PERCPU_ARRAY, uint32_t, struct word, 1, 0);

#include "rules.h"

// Whether frames of this entry are carried, as far as the director says.
static __always_inline int is_current(const struct svs_carried *flow, const struct svs_carry_shared *shared)
{
    uint32_t server = flow->server;
    return server < SVS_CARRY_SERVERS && flow->generation == shared->generations[server] + shared->generation;
}

// Whether the director has had all earlier frames of the flow, and has sent them.
static __always_inline int is_free(struct svs_carried *flow, const struct svs_carry_shared *shared)
{
    if (!flow->last_up) return 1;
    if (flow->last_up >= *(volatile const uint64_t *)&shared->through) return 0;
    flow->last_up = 0;
    return 1;
}

// Counts a frame, and has `carry` send it.
static __always_inline int along(
    struct __sk_buff *frame, struct word *word, struct svs_carried *flow, uint32_t length, uint32_t is_v6)
{
    uint32_t server = flow->server;
    struct svs_carried_count *count = bpf_map_lookup_elem(&counts, &server);
    if (!count) return EVERYTHING;
    count->packets++;
    count->bytes += length;
    __sync_fetch_and_add(&flow->packets, 1);
    flow->last_seen = bpf_ktime_get_coarse_ns();
    word->interface = frame->ifindex;
    word->length = frame->len;
    word->egress = flow->egress;
    word->addresses[0] = flow->addresses[0];
    word->addresses[1] = flow->addresses[1];
    word->addresses[2] = flow->addresses[2];
    word->is_v6 = is_v6;
    word->fate = SVS_CARRY_ALONG;
    return 0;
}

static __always_inline int watch4(struct __sk_buff *frame, struct word *word, const struct svs_carry_shared *shared)
{
    struct packet4 packet;
    uint32_t length, whole = 1;
    if (bpf_skb_load_bytes(frame, ETHERNET, &packet, WHOLE4)) {
        if (bpf_skb_load_bytes(frame, ETHERNET, &packet, SHORT4)) return left_to_director(frame, shared);
        whole = 0;
    }
    if ((packet.protocol != TCP && packet.protocol != UDP) || (packet.fragment & bpf_htons(0x1fff))) return left_to_director(frame, shared);
    uint32_t has_options = packet.version_and_length != 0x45;
    if (has_options && bpf_skb_load_bytes(frame, ETHERNET + (packet.version_and_length & 15) * 4, &packet.transport, 4)) return left_to_director(frame, shared);
    struct svs_flow4 key = {packet.source, packet.destination, packet.transport.source_port, packet.transport.destination_port, packet.protocol};
    struct svs_carried *flow = bpf_map_lookup_elem(&flows4, &key);
    if (!flow || !is_current(flow, shared)) return left_to_director(frame, shared);
    length = bpf_ntohs(packet.length);
    if (!has_options && !(packet.fragment & bpf_htons(0x3fff)) && packet.hops > 1 && length + ETHERNET == frame->len
        && (whole || packet.protocol == UDP) && is_sound(&packet) && is_plain(&packet.transport, packet.protocol, length - 20)
        && fits(frame, &packet.transport, packet.protocol, length, length - 20, flow->mtu) && is_free(flow, shared))
        return along(frame, word, flow, length, 0);
    flow->last_up = SVS_CARRY_SHUT;
    word->flow4 = key;
    word->fate = SVS_CARRY_UP4;
    return EVERYTHING;
}

static __always_inline int watch6(struct __sk_buff *frame, struct word *word, const struct svs_carry_shared *shared)
{
    struct packet6 packet;
    uint32_t length, whole = 1;
    if (bpf_skb_load_bytes(frame, ETHERNET, &packet, WHOLE6)) {
        if (bpf_skb_load_bytes(frame, ETHERNET, &packet, SHORT6)) return left_to_director(frame, shared);
        whole = 0;
    }
    uint32_t protocol = packet.protocol;
    // A packet with extension headers goes up, and what is behind it in its flow may not overtake it.
    uint32_t has_extensions = protocol != TCP && protocol != UDP;
    if (has_extensions) {
        protocol = behind_extensions(frame, protocol, &packet.transport);
        if (protocol == NOTHING) return left_to_director(frame, shared);
    }
    struct svs_flow6 key = {
        {packet.source[0], packet.source[1]}, {packet.destination[0], packet.destination[1]}, packet.transport.source_port,
        packet.transport.destination_port, protocol};
    struct svs_carried *flow = bpf_map_lookup_elem(&flows6, &key);
    if (!flow || !is_current(flow, shared)) return left_to_director(frame, shared);
    length = bpf_ntohs(packet.length) + 40;
    if (!has_extensions && (packet.version & bpf_htonl(0xf0000000)) == bpf_htonl(0x60000000) && packet.hops > 1 && length + ETHERNET == frame->len
        && (whole || packet.protocol == UDP) && is_plain(&packet.transport, packet.protocol, length - 40)
        && fits(frame, &packet.transport, packet.protocol, length, length - 40, flow->mtu) && is_free(flow, shared))
        return along(frame, word, flow, length, 1);
    flow->last_up = SVS_CARRY_SHUT;
    word->flow6 = key;
    word->fate = SVS_CARRY_UP6;
    return EVERYTHING;
}

SEC("socket") int watch(struct __sk_buff *frame)
{
    uint32_t first = 0;
    struct svs_carry_shared *all = bpf_map_lookup_elem(&shared, &first);
    struct word *word = bpf_map_lookup_elem(&words, &first);
    // What is for another host, or was sent by this one.
    if (!all || !word || frame->pkt_type >= OTHER_HOST) return 0;
    if (word->fate == SVS_CARRY_ALONG) {
        // Nobody sent the frame before this one: the two do not run one after the other here.
        all->is_on = 0;
        all->is_refused = 1;
    }
    word->fate = SVS_CARRY_UNKNOWN;
    if (!all->is_on || frame->vlan_present || frame->pkt_type != 0) return left_to_director(frame, all);
    uint32_t processor = bpf_get_smp_processor_id();
    if (processor >= SVS_CARRY_PROCESSORS) return left_to_director(frame, all);
    // Whoever has changed something and sees no number here knows that this frame is decided about by what it has made of it.
    __sync_lock_test_and_set(&all->places[processor].frame, ++word->frames);
    int taken = EVERYTHING;
    if (frame->protocol == bpf_htons(IPV4)) taken = watch4(frame, word, all);
    else if (frame->protocol == bpf_htons(IPV6)) taken = watch6(frame, word, all);
    else taken = left_to_director(frame, all);
    if (word->fate == SVS_CARRY_UNKNOWN) all->places[processor].frame = 0;
    return taken;
}

// Nothing of the maps is used any more for the frame that `watch` has begun with.
static __always_inline void end_frame(void)
{
    uint32_t first = 0, processor = bpf_get_smp_processor_id();
    struct svs_carry_shared *all = bpf_map_lookup_elem(&shared, &first);
    if (all && processor < SVS_CARRY_PROCESSORS) all->places[processor].frame = 0;
}

// The frame before this one stands in the director's ring now.
static __always_inline int note_up(struct svs_carried *flow)
{
    if (flow) flow->last_up = bpf_ktime_get_ns();
    end_frame();
    return NEXT;
}

SEC("tc") int carry(struct __sk_buff *frame)
{
    uint32_t first = 0;
    struct word *word = bpf_map_lookup_elem(&words, &first);
    if (!word || word->fate == SVS_CARRY_UNKNOWN) return NEXT;
    uint32_t fate = word->fate;
    word->fate = SVS_CARRY_UNKNOWN;
    if (fate == SVS_CARRY_UP4) return note_up(bpf_map_lookup_elem(&flows4, &word->flow4));
    if (fate == SVS_CARRY_UP6) return note_up(bpf_map_lookup_elem(&flows6, &word->flow6));
    end_frame();
    if (word->interface != frame->ifindex || word->length != frame->len) return NEXT;
    // As much as is rewritten; IPv6's hop limit stands before the end of that.
    enum { REWRITTEN = ETHERNET + 20 };
    if ((uint8_t *)(long)frame->data + REWRITTEN > (uint8_t *)(long)frame->data_end && bpf_skb_pull_data(frame, REWRITTEN)) return DROP;
    uint32_t *ethernet = (void *)(long)frame->data;
    uint8_t *packet = (uint8_t *)ethernet + ETHERNET;
    if ((uint8_t *)ethernet + REWRITTEN > (uint8_t *)(long)frame->data_end) return DROP;
    ethernet[0] = word->addresses[0];
    ethernet[1] = word->addresses[1];
    ethernet[2] = word->addresses[2];
    if (word->is_v6) {
        packet[7]--;
        // One less in the second half of the first eight bytes; only a frame whose sum the card has made wants to know.
        bpf_csum_update(frame, bpf_htons(0xfffe));
    } else {
        uint16_t *checksum = (uint16_t *)(packet + 10);
        uint32_t sum = *checksum + bpf_htons(0x0100);
        packet[8]--;
        // As the kernel itself: never all ones.
        *checksum = sum + (sum >= 0xffff);
    }
    return bpf_redirect(word->egress, 0);
}
