// Packets as they lie in a frame, and which of them are all alike.
#ifndef SVS_PACKETS_H
#define SVS_PACKETS_H

enum { ETHERNET = 14, IPV4 = 0x0800, ARP = 0x0806, IPV6 = 0x86dd, ICMP = 1, TCP = 6, UDP = 17, ICMP6 = 58, SCTP = 132 };
enum { OTHER_HOST = 3, FIN_SYN_RST = 0x07, ACK = 0x10, EVERYTHING = -1 };
// TC_ACT_UNSPEC and TC_ACT_SHOT, which TCX_NEXT and TCX_DROP are as well (linux/bpf.h since Linux 6.6).
enum { NEXT = -1, DROP = 2 };

struct __attribute__((packed, aligned(4))) transport {
    uint16_t source_port, destination_port;
    uint32_t sequence, acknowledged;
    uint8_t offset, flags;
};

struct __attribute__((packed, aligned(4))) packet4 {
    uint8_t version_and_length, service;
    uint16_t length, identification, fragment;
    uint8_t hops, protocol;
    uint16_t checksum;
    uint32_t source, destination;
    struct transport transport;
};

struct __attribute__((packed, aligned(8))) packet6 {
    uint32_t version;
    uint16_t length;
    uint8_t protocol, hops;
    uint64_t source[2], destination[2];
    struct transport transport;
};

// Both headers without what only TCP has behind its ports and sequence number.
enum { SHORT4 = 28, WHOLE4 = 34, SHORT6 = 48, WHOLE6 = 54 };

// Whether a transport's header is one whose frames are all alike; `length` bytes from there on. TCP's is whole.
static __always_inline int is_plain(const struct transport *transport, uint32_t protocol, uint32_t length)
{
    if (protocol == UDP) return length >= 8;
    uint32_t size = (transport->offset >> 4) * 4;
    return size >= 20 && size <= length && (transport->flags & FIN_SYN_RST) == 0 && (transport->flags & ACK);
}

// Whether a packet of `length` bytes, `transport` of them from the transport's header on, leaves in one piece; a superframe in
// segments of one size.
static __always_inline int fits(
    struct __sk_buff *frame, const struct transport *header, uint32_t protocol, uint32_t length, uint32_t transport, uint32_t mtu)
{
    if (!frame->gso_size) return length <= mtu;
    uint32_t size = protocol == UDP ? 8 : (header->offset >> 4) * 4;
    return length - transport + size + frame->gso_size <= mtu;
}

static __always_inline int is_sound(const struct packet4 *packet)
{
    const uint32_t *words = (const void *)packet;
    uint64_t sum = (uint64_t)words[0] + words[1] + words[2] + words[3] + words[4];
    sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff;
}

enum { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, AUTHENTICATION = 51, DESTINATION = 60, NOTHING = 59, MOST_EXTENSIONS = 8 };

// Reads the ports behind IPv6 extension headers, and returns the protocol that they are of; NOTHING where there are none.
static __attribute__((noinline)) int behind_extensions(struct __sk_buff *frame, uint32_t protocol, struct transport *ports)
{
    uint32_t offset = ETHERNET + 40;
    if (!ports) return NOTHING;
    for (int turn = 0; turn < MOST_EXTENSIONS; turn++) {
        if (protocol == TCP || protocol == UDP) return bpf_skb_load_bytes(frame, offset, ports, 4) ? NOTHING : (int)protocol;
        uint8_t header[4];
        if (bpf_skb_load_bytes(frame, offset, header, 4)) return NOTHING;
        if (protocol == FRAGMENT && (header[2] || header[3] & 0xf8)) return NOTHING;
        if (protocol == HOP_BY_HOP || protocol == ROUTING || protocol == DESTINATION) offset += (header[1] + 1) * 8;
        else if (protocol == FRAGMENT) offset += 8;
        else if (protocol == AUTHENTICATION) offset += (header[1] + 2) * 4;
        else return NOTHING;
        protocol = header[0];
    }
    return NOTHING;
}

#endif
