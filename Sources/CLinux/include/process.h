#ifndef SVS_PROCESS_H
#define SVS_PROCESS_H

#include <spawn.h>
#include <stddef.h>
#include <stdint.h>

// What a process and its threads ask of the kernel. Functions that return int return a negative errno on failure.

/// Gives the calling thread a network namespace of its own.
int svs_namespace_new(void);
/// Moves the calling thread into the network namespace that `descriptor` (an open /proc/…/ns/net or /run/netns/…) names.
int svs_namespace_enter(int descriptor);
/// The kernel's number of the calling thread.
int svs_thread_id(void);
/// Keeps the calling thread on one processor.
int svs_thread_pin(int processor);
/// Names the calling thread (at most 15 bytes).
int svs_thread_name(const char *name);
/// Takes a capability (CAP_NET_RAW is 13, CAP_NET_ADMIN 12) away from the calling thread for good.
int svs_thread_give_up(int capability);
/// The program that `actions` belong to gets no descriptor from `first` on.
int svs_spawn_closing(posix_spawn_file_actions_t *actions, int first);

/// A descriptor that becomes readable when one of the `count` signals arrives; they are blocked for the calling thread
/// and for the threads that it starts.
int svs_signal_descriptor(const int *signals, int count);
/// The number of the next signal on such a descriptor; 0 when there is none now.
int svs_signal_next(int descriptor);

/// Writes out what stdio holds for standard output; 0, or the errno (positive) that kept some of it from being written.
int svs_flush_output(void);

/// Forks. The child gets 0 and a descriptor to write its answer to; it is killed when its parent ends, and after
/// `seconds` of processor time, and ends by itself a few milliseconds after nobody can read its answer any more: who has no
/// right to kill closes the descriptor. The parent gets the child's number and a descriptor to read from, or a negative
/// errno.
int svs_fork(int *descriptor, unsigned seconds);
/// A pipe, close-on-exec: where is read, where is written. 0, or a negative errno.
int svs_pipe(int ends[2]);
/// Has a copy of the process do `work`, which says what came of it in `text` (of `room` bytes, with a zero at its end) and by a
/// number from 0 to 127. What ends the copy does not end the caller.
/// Returns that number, -ECHILD when the copy ended without an answer, -ETIMEDOUT when it took longer than so many
/// milliseconds, or another negative errno.
int svs_apart(int (*work)(void *context, char *text, size_t room), void *context, char *text, size_t room, int milliseconds);

/// Takes everything out of a socket's queue unread.
void svs_drain(int socket);

/// Puts memory of this process alone in the place of memory that others share: what stands in the `count` spans (offset and
/// length, one pair after the other) is kept, the rest is zero. 0, or a negative errno.
int svs_make_private(void *start, size_t size, const size_t *spans, size_t count);
/// The child's work: writes a part of its answer. 0, or a negative errno when nobody reads it.
int svs_fork_write(int descriptor, const uint8_t *bytes, size_t count);
/// The child's end: writes its answer and exits without any cleaning up.
void svs_fork_end(int descriptor, const uint8_t *bytes, size_t count) __attribute__((noreturn));

/// Who is at the other end of a Unix socket (SO_PEERCRED).
int svs_peer(int socket, int32_t *process, uint32_t *user, uint32_t *group);

/// A descriptor that becomes readable when another thread calls svs_event_raise (eventfd(2)).
int svs_event_new(void);
void svs_event_raise(int descriptor);
void svs_event_clear(int descriptor);

/// Nanoseconds of CLOCK_MONOTONIC and of CLOCK_REALTIME.
uint64_t svs_clock(void);
uint64_t svs_calendar(void);

#endif
