#ifndef SVS_CHANNEL_H
#define SVS_CHANNEL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Messages between two processes that belong together: AF_UNIX SOCK_SEQPACKET, with descriptors beside the bytes
// (SCM_RIGHTS, unix(7)). Functions return a negative errno on failure. All descriptors are close-on-exec.

/// Two ends that are connected.
int svs_channel_pair(int ends[2]);
/// 1 when the descriptor is such an end.
int svs_channel_is(int descriptor);
/// Sends one message; with `wait` 0, -EAGAIN when the other side has too much to read.
int svs_channel_send(int end, const void *bytes, size_t count, const int *descriptors, int descriptor_count, int wait);
/// Receives one message: its length, 0 at the end. `descriptor_count` holds how many descriptors there is room for, and
/// receives how many came. A message longer than `count` is an error (-EMSGSIZE).
ssize_t svs_channel_receive(int end, void *bytes, size_t count, int *descriptors, int *descriptor_count, int wait);

/// A file in memory (memfd_create(2)) of `size` bytes, all zero.
int svs_memory_new(const char *name, uint64_t size);
/// Bytes of a file; negative errno on failure.
int64_t svs_memory_size(int descriptor);
/// Maps a file as a whole, shared with everybody else who maps it; `memory` receives the mapping.
int svs_memory_map(int descriptor, uint64_t size, void **memory);
/// Takes a mapping back.
void svs_memory_unmap(void *memory, uint64_t size);
/// Makes shared memory zero again and gives its pages back.
int svs_memory_clear(void *memory, uint64_t size);

/// Starts a program with `descriptors` as its descriptors from 3 on, standard input, output and error as here and no other;
/// no signal is blocked or ignored. It leads a process group of its own. The process's number, or a negative errno.
int svs_spawn(const char *path, char *const *arguments, const int *descriptors, int count);
/// 1 and its status as wait(2) has it when that child has ended, 0 when it has not, negative errno when there is no such
/// child. What is left of its process group is killed.
int svs_reap(int child, int *status);
/// Sends a signal to a process.
int svs_signal(int process, int number);

#endif
