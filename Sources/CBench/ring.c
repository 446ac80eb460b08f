#define _GNU_SOURCE
#include "CBench.h"

#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/socket.h>

enum { MOST = 256, HEAD = sizeof(struct virtio_net_hdr) };

void cbench_ring_fill(void *ring, uint32_t slots, uint32_t slot_size, uint32_t first, uint32_t count, uint32_t length) {
    for (uint32_t i = 0, slot = first; i < count; i++, slot = (slot + 1) % slots) {
        struct tpacket2_hdr *header = (void *)((char *)ring + (size_t)slot * slot_size);
        header->tp_mac = 192;
        header->tp_len = header->tp_snaplen = length;
        memset((char *)header + header->tp_mac - HEAD, 0, HEAD + length);
        __atomic_store_n(&header->tp_status, TP_STATUS_USER, __ATOMIC_RELEASE);
    }
}

uint32_t cbench_ring_carry(void *ring, uint32_t slots, uint32_t slot_size, uint32_t first, uint32_t count, int socket) {
    static struct mmsghdr messages[MOST];
    static struct iovec parts[MOST];
    uint32_t taken = 0, sent = 0;
    if (count > MOST) count = MOST;
    for (uint32_t slot = first; taken < count; taken++, slot = (slot + 1) % slots) {
        struct tpacket2_hdr *header = (void *)((char *)ring + (size_t)slot * slot_size);
        if (!(__atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) break;
        char *frame = (char *)header + header->tp_mac;
        memset(frame - HEAD, 0, HEAD);
        parts[taken] = (struct iovec){frame - HEAD, header->tp_snaplen + HEAD};
        messages[taken].msg_hdr.msg_iov = &parts[taken];
        messages[taken].msg_hdr.msg_iovlen = 1;
    }
    while (sent < taken) {
        int result = sendmmsg(socket, messages + sent, taken - sent, MSG_DONTWAIT);
        if (result <= 0) return sent;
        sent += (uint32_t)result;
    }
    for (uint32_t i = 0, slot = first; i < taken; i++, slot = (slot + 1) % slots) {
        struct tpacket2_hdr *header = (void *)((char *)ring + (size_t)slot * slot_size);
        __atomic_store_n(&header->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    }
    return sent;
}
