#include "CBench.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// Addresses are 16 bytes in both families, as the engine has them; an IPv4 address stands behind ::ffff:0:0/96.
struct address { uint64_t high, low; };

struct connection {
    struct address client, virtual_address;
    uint16_t client_port, virtual_port;
    uint8_t proto, state;
    uint16_t flags;
    uint64_t expires;
    uint32_t server, packets;
    uint64_t timeout;
} __attribute__((aligned(64)));

struct server { uint64_t packets, bytes; uint8_t mac[6]; uint16_t mtu; };

struct cbench {
    struct connection *pool;
    uint64_t *index;
    uint32_t mask, capacity, used;
    uint64_t k0, k1, k2;
    uint64_t timeouts[16];
    struct server servers[16];
    uint64_t service_packets, service_bytes, packets, bytes;
    uint8_t mac[6];
};

struct look {
    struct address source, destination;
    uint16_t source_port, destination_port;
    uint8_t proto, flags, ttl, family;
    uint32_t network, length, hash;
    int ok;
};

static void *memory(size_t size) {
    // Two megabytes more than needed, to begin at a huge page's border; the slack is never touched.
    const size_t huge = 1u << 21;
    char *p = mmap(NULL, size + huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return NULL;
    p += (huge - (uintptr_t)p % huge) % huge;
    madvise(p, size, MADV_HUGEPAGE);
    return p;
}

struct cbench *cbench_new(uint32_t capacity, uint32_t index_words) {
    struct cbench *b = calloc(1, sizeof *b);
    if (!b) return NULL;
    b->pool = memory((size_t)capacity * sizeof *b->pool);
    b->index = memory((size_t)index_words * 8);
    b->mask = index_words - 1;
    b->capacity = capacity;
    b->k0 = 0x9e3779b97f4a7c15ull; b->k1 = 0xbf58476d1ce4e5b9ull; b->k2 = 0x94d049bb133111ebull;
    for (int i = 0; i < 16; i++) {
        b->timeouts[i] = 900000000000ull;
        memcpy(b->servers[i].mac, (uint8_t[]){2, 0, 0, 0, 1, (uint8_t)i}, 6);
        b->servers[i].mtu = 1500;
    }
    memcpy(b->mac, (uint8_t[]){2, 0, 0, 0, 0, 1}, 6);
    return b;
}

void cbench_free(struct cbench *b) {
    // The mappings live as long as the process: it ends with its measurement.
    free(b);
}

static inline uint16_t big16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return __builtin_bswap16(v); }
static inline uint32_t big32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return __builtin_bswap32(v); }
static inline uint64_t big64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return __builtin_bswap64(v); }

static inline uint64_t fold(uint64_t a, uint64_t b) {
    unsigned __int128 p = (unsigned __int128)a * b;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static inline uint32_t flow_hash(const struct cbench *b, const struct look *l) {
    uint64_t sum = fold(l->source.high ^ b->k0, l->source.low ^ b->k1 ^ (uint64_t)l->source_port << 48)
        + fold(l->destination.high ^ b->k0, l->destination.low ^ b->k1 ^ (uint64_t)l->destination_port << 48);
    return (uint32_t)(fold(sum ^ l->proto, b->k2) >> 16);
}

static inline int header_is_valid(const uint8_t *ip) {
    uint64_t s = 0;
    for (int i = 0; i < 20; i += 4) s += big32(ip + i);
    s = (s & 0xffff) + (s >> 16);
    s = (s & 0xffff) + (s >> 16);
    s = (s & 0xffff) + (s >> 16);
    return s == 0xffff;
}

static inline void look_at(const struct cbench *b, const uint8_t *frame, uint32_t length, struct look *l) {
    l->ok = 0;
    if (length < 34) return;
    uint16_t type = big16(frame + 12);
    const uint8_t *ip = frame + 14;
    uint32_t transport;
    l->network = 14;
    if (type == 0x0800) {
        uint32_t header = (ip[0] & 15u) * 4;
        if (ip[0] >> 4 != 4 || header != 20 || length < 14 + header) return;
        l->length = big16(ip + 2);
        if (l->length < header || l->length > length - 14 || !header_is_valid(ip) || (big16(ip + 6) & 0x3fff)) return;
        l->family = 4; l->ttl = ip[8]; l->proto = ip[9];
        l->source = (struct address){0, 0xffff00000000ull | big32(ip + 12)};
        l->destination = (struct address){0, 0xffff00000000ull | big32(ip + 16)};
        transport = 14 + header;
    } else if (type == 0x86dd) {
        if (length < 54 || ip[0] >> 4 != 6) return;
        l->length = 40 + big16(ip + 4);
        if (l->length > length - 14) return;
        l->family = 6; l->ttl = ip[7]; l->proto = ip[6];
        l->source = (struct address){big64(ip + 8), big64(ip + 16)};
        l->destination = (struct address){big64(ip + 24), big64(ip + 32)};
        transport = 54;
    } else {
        return;
    }
    if (l->proto == 6) {
        if (14 + l->length < transport + 20) return;
        l->flags = frame[transport + 13];
    } else if (l->proto == 17) {
        if (14 + l->length < transport + 8) return;
        l->flags = 0;
    } else {
        return;
    }
    l->source_port = big16(frame + transport);
    l->destination_port = big16(frame + transport + 2);
    l->hash = flow_hash(b, l);
    l->ok = 1;
}

static inline int same(struct address a, struct address b) { return a.high == b.high && a.low == b.low; }

static inline struct connection *find(struct cbench *b, const struct look *l) {
    for (uint32_t place = l->hash & b->mask;; place = (place + 1) & b->mask) {
        uint64_t word = b->index[place];
        if (!word) return NULL;
        if ((uint32_t)word != l->hash) continue;
        struct connection *c = &b->pool[(word >> 32) - 1];
        if (c->proto == l->proto && same(c->client, l->source) && same(c->virtual_address, l->destination)
            && c->client_port == l->source_port && c->virtual_port == l->destination_port) return c;
    }
}

int cbench_learn(struct cbench *b, const uint8_t *frame, uint32_t length, uint32_t server, uint64_t now) {
    struct look l;
    look_at(b, frame, length, &l);
    if (!l.ok || b->used == b->capacity) return 0;
    struct connection *c = &b->pool[b->used++];
    c->client = l.source; c->virtual_address = l.destination;
    c->client_port = l.source_port; c->virtual_port = l.destination_port;
    c->proto = l.proto; c->state = 1; c->server = server & 15; c->expires = now;
    uint32_t place = l.hash & b->mask;
    while (b->index[place]) place = (place + 1) & b->mask;
    b->index[place] = (uint64_t)b->used << 32 | l.hash;
    return 1;
}

// Rows of the TCP state table for requests only, one digit per old state: SYN, FIN, RST, ACK.
static const uint64_t rows[4] = {0x33333333113, 0x0, 0x0, 0x0};

static inline uint8_t next_state(uint8_t state, uint8_t flags) {
    if (flags & 4) return 6;
    if (flags & 2) return (uint8_t)(rows[0] >> (state * 4)) & 15;
    if (flags & 1) return state == 3 ? 5 : 4;
    if (flags & 16) return state == 3 ? 1 : state;
    return 6;
}

static inline int direct(struct cbench *b, uint8_t *frame, const struct look *l, uint64_t now) {
    if (!l->ok || memcmp(frame, b->mac, 6)) return 0;
    struct connection *c = find(b, l);
    if (!c) return 0;
    struct server *s = &b->servers[c->server];
    c->packets++;
    s->packets++; s->bytes += l->length;
    b->service_packets++; b->service_bytes += l->length;
    b->packets++; b->bytes += l->length;
    if (l->proto == 6) c->state = next_state(c->state, l->flags);
    c->expires = now + b->timeouts[c->state];
    if (l->ttl <= 1 || l->length > s->mtu) return 0;
    uint8_t *ip = frame + l->network;
    if (l->family == 4) {
        ip[8]--;
        uint32_t sum = big16(ip + 10) + 0x0100u;
        sum = (sum & 0xffff) + (sum >> 16);
        uint16_t out = __builtin_bswap16((uint16_t)sum);
        memcpy(ip + 10, &out, 2);
    } else {
        ip[7]--;
    }
    memcpy(frame, s->mac, 6);
    memcpy(frame + 6, b->mac, 6);
    return 1;
}

uint32_t cbench_direct(struct cbench *b, uint8_t *const *frames, const uint32_t *lengths, uint32_t count, uint64_t now) {
    struct look looks[32];
    uint32_t sent = 0;
    for (uint32_t first = 0; first < count; first += 32) {
        uint32_t n = count - first < 32 ? count - first : 32;
        for (uint32_t i = 0; i < n; i++) {
            look_at(b, frames[first + i], lengths[first + i], &looks[i]);
            if (looks[i].ok) __builtin_prefetch(&b->index[looks[i].hash & b->mask]);
        }
        for (uint32_t i = 0; i < n; i++) {
            if (!looks[i].ok) continue;
            uint64_t word = b->index[looks[i].hash & b->mask];
            if (word) __builtin_prefetch(&b->pool[(word >> 32) - 1]);
        }
        for (uint32_t i = 0; i < n; i++) sent += (uint32_t)direct(b, frames[first + i], &looks[i], now);
    }
    return sent;
}
