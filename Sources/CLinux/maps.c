#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(struct svs_flow4) == 16 && sizeof(struct svs_flow6) == 40, "keys have no gaps, which would be compared too");

static int call(int command, int map, const void *key, uint64_t value)
{
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.map_fd = (uint32_t)map;
    attributes.key = (uint64_t)(uintptr_t)key;
    attributes.value = value;
    return syscall(SYS_bpf, command, &attributes, sizeof attributes) < 0 ? -errno : 0;
}

int svs_map_put(int map, const void *key, const void *value) { return call(BPF_MAP_UPDATE_ELEM, map, key, (uint64_t)(uintptr_t)value); }

int svs_map_get(int map, const void *key, void *value) { return call(BPF_MAP_LOOKUP_ELEM, map, key, (uint64_t)(uintptr_t)value); }

int svs_map_take(int map, const void *key, void *value)
{
    return call(BPF_MAP_LOOKUP_AND_DELETE_ELEM, map, key, (uint64_t)(uintptr_t)value);
}

int svs_map_take_some(int map, uint32_t *position, void *keys, void *values, uint32_t *count)
{
    uint32_t next = 0;
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.batch.in_batch = *position ? (uint64_t)(uintptr_t)position : 0;
    attributes.batch.out_batch = (uint64_t)(uintptr_t)&next;
    attributes.batch.keys = (uint64_t)(uintptr_t)keys;
    attributes.batch.values = (uint64_t)(uintptr_t)values;
    attributes.batch.count = *count;
    attributes.batch.map_fd = (uint32_t)map;
    int failure = syscall(SYS_bpf, BPF_MAP_LOOKUP_AND_DELETE_BATCH, &attributes, sizeof attributes) < 0 ? errno : 0;
    if (failure && failure != ENOENT) {
        *count = 0;
        return -failure;
    }
    *count = attributes.batch.count;
    *position = next;
    return failure ? 0 : 1;
}

int svs_map_share(int map, uint64_t size, void **memory)
{
    void *found = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
    if (found == MAP_FAILED) return -errno;
    *memory = found;
    return 0;
}

void svs_map_unshare(void *memory, uint64_t size) { munmap(memory, size); }

int svs_possible_processors(void)
{
    // "0-3,8-11": the last number is the highest one.
    FILE *file = fopen("/sys/devices/system/cpu/possible", "re");
    if (!file) return -errno;
    int number, highest = -1;
    while (fscanf(file, "%d%*[-,]", &number) == 1) highest = number > highest ? number : highest;
    fclose(file);
    return highest < 0 ? -EIO : highest + 1;
}

// Waits until a processor has come to the end of the frame that it is at.
static int await(const struct svs_carry_place *place, uint64_t end)
{
    uint64_t frame = __atomic_load_n(&place->frame, __ATOMIC_SEQ_CST);
    struct timespec pause = {.tv_nsec = 20000};
    for (int looks = 0; frame && __atomic_load_n(&place->frame, __ATOMIC_ACQUIRE) == frame; looks++) {
        if (looks < 1000) svs_relax();
        else if (svs_clock() < end) nanosleep(&pause, NULL);
        else return -ETIMEDOUT;
    }
    return 0;
}

int svs_carry_await(const void *memory, int processors, uint64_t patience)
{
    const struct svs_carry_shared *shared = memory;
    uint64_t end = svs_clock() + patience;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    for (int place = 0; place < processors && place < SVS_CARRY_PROCESSORS; place++) {
        int failure = await(&shared->places[place], end);
        if (failure < 0) return failure;
    }
    return 0;
}

int svs_socket_program(int socket, int program)
{
    return setsockopt(socket, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof program) ? -errno : 0;
}
