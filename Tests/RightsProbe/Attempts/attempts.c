#define _GNU_SOURCE
#include "Attempts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

// An attempt that would leave something behind were it to work is made so that it leaves nothing.
#define ATTEMPT(name) static int name(const struct svs_handed *handed __attribute__((unused)))

static int outcome(long result) { return result < 0 ? errno : 0; }

static int opened(int fd) {
    int failure = outcome(fd);
    if (fd >= 0) close(fd);
    return failure;
}

static int set(int fd, int level, int option, const void *value, socklen_t size) {
    return outcome(setsockopt(fd, level, option, value, size));
}

// ---- files ----

ATTEMPT(read_shadow) { return opened(open("/etc/shadow", O_RDONLY)); }
ATTEMPT(write_file) { return opened(open("/dev/null", O_WRONLY)); }
ATTEMPT(append_to_file) { return opened(open("/dev/null", O_RDONLY | O_APPEND)); }
ATTEMPT(make_file) { return opened(open("/tmp", O_TMPFILE | O_RDWR, 0600)); }
ATTEMPT(open_the_old_way) { return opened((int)syscall(SYS_openat2, AT_FDCWD, "/dev/null", &(uint64_t[3]){O_RDWR}, 24)); }
ATTEMPT(make_folder) { return outcome(mkdir("/", 0700)); }
ATTEMPT(remove_file) { return outcome(unlink("/nonexistent")); }
ATTEMPT(rename_file) { return outcome(rename("/nonexistent", "/nonexistent")); }
ATTEMPT(change_mode) { return outcome(chmod("/nonexistent", 0)); }
ATTEMPT(mount_something) { return outcome(mount("none", "/nonexistent", "tmpfs", 0, NULL)); }
ATTEMPT(change_root) { return outcome(chroot("/")); }

// ---- the network ----

ATTEMPT(open_socket) { return opened(socket(AF_INET, SOCK_STREAM, 0)); }
ATTEMPT(open_packet_socket) { return opened(socket(AF_PACKET, SOCK_RAW, 0)); }
ATTEMPT(open_netlink_socket) { return opened(socket(AF_NETLINK, SOCK_RAW, 0)); }

ATTEMPT(connect_out) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    return outcome(connect(handed->datagrams, (struct sockaddr *)&address, sizeof address));
}

ATTEMPT(send_to_address) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    return outcome(sendto(handed->datagrams, "", 0, 0, (struct sockaddr *)&address, sizeof address));
}

ATTEMPT(listen_for_others) { return outcome(listen(handed->datagrams, 1)); }

ATTEMPT(hear_another_interface) {
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = handed->other_interface};
    return outcome(bind(handed->packets, (struct sockaddr *)&address, sizeof address));
}

ATTEMPT(hear_everything) {
    struct packet_mreq request = {.mr_ifindex = handed->other_interface, .mr_type = PACKET_MR_PROMISC};
    return set(handed->packets, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof request);
}

ATTEMPT(join_a_fanout_group) { return set(handed->packets, SOL_PACKET, PACKET_FANOUT, &(int){7}, sizeof(int)); }
ATTEMPT(choose_a_device) { return set(handed->datagrams, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3); }

ATTEMPT(take_an_interface_down) {
    struct ifreq request = {.ifr_name = "lo"};
    return outcome(ioctl(handed->packets, SIOCSIFFLAGS, &request));
}

// ---- other programs and processes ----

ATTEMPT(execute) { return outcome(execv("/nonexistent", (char *[]){NULL})); }
ATTEMPT(execute_again) { return execute(handed); }

ATTEMPT(spawn) {
    pid_t child;
    int failure = posix_spawn(&child, "/nonexistent", NULL, NULL, (char *[]){NULL}, (char *[]){NULL});
    if (!failure) waitpid(child, NULL, 0);
    return failure;
}

ATTEMPT(trace_the_parent) { return outcome(ptrace(PTRACE_SEIZE, handed->parent, NULL, NULL)); }

ATTEMPT(read_the_parent) {
    char byte;
    struct iovec here = {&byte, 1}, there = {(void *)0x10000, 1};
    return outcome(process_vm_readv(handed->parent, &here, 1, &there, 1, 0));
}

ATTEMPT(kill_the_parent) { return outcome(kill(handed->parent, 0)); }
ATTEMPT(signal_all) { return outcome(kill(-1, 0)); }
ATTEMPT(name_a_process) { return opened((int)syscall(SYS_pidfd_open, handed->parent, 0)); }
ATTEMPT(limit_the_parent) { return outcome(syscall(SYS_prlimit64, handed->parent, 0, NULL, NULL)); }

// ---- more rights ----

ATTEMPT(become_root) { return outcome(setuid(0)); }
ATTEMPT(become_roots_group) { return outcome(setgid(0)); }
ATTEMPT(take_capabilities) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct all[_LINUX_CAPABILITY_U32S_3] = {{~0u, ~0u, ~0u}};
    return outcome(syscall(SYS_capset, &header, all));
}
ATTEMPT(leave_the_namespaces) { return outcome(unshare(CLONE_NEWUSER)); }
ATTEMPT(enter_a_namespace) { return outcome(setns(handed->packets, 0)); }
ATTEMPT(clone_into_a_namespace) {
    // Without a stack of its own: the child of a clone that works ends at once.
    long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0) _exit(0);
    if (child > 0) waitpid((pid_t)child, NULL, 0);
    return outcome(child);
}
// BPF_PROG_LOAD, BPF_MAP_CREATE, BPF_MAP_GET_FD_BY_ID, BPF_LINK_CREATE.
ATTEMPT(load_a_program) { return opened((int)syscall(SYS_bpf, 5, NULL, 0)); }
ATTEMPT(make_a_map) { return opened((int)syscall(SYS_bpf, 0, NULL, 0)); }
ATTEMPT(take_somebodys_map) { return opened((int)syscall(SYS_bpf, 14, NULL, 0)); }
ATTEMPT(attach_a_program) { return opened((int)syscall(SYS_bpf, 28, NULL, 0)); }
ATTEMPT(watch_performance) { return opened((int)syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0)); }
ATTEMPT(make_a_ring_of_calls) { return opened((int)syscall(SYS_io_uring_setup, 1, NULL)); }
ATTEMPT(handle_faults) { return opened((int)syscall(SYS_userfaultfd, 0)); }
ATTEMPT(ask_for_keys) { return outcome(syscall(SYS_keyctl, 0, -3, 0, 0, 0)); }
ATTEMPT(load_a_kernel) { return outcome(syscall(SYS_kexec_load, 0, 0, NULL, 0)); }
ATTEMPT(be_readable_again) { return outcome(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); }
ATTEMPT(outlive_the_parent) { return outcome(prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)); }
ATTEMPT(call_what_nobody_has) { return outcome(syscall(100000)); }

// ---- code ----

ATTEMPT(map_code) {
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? errno : 0;
}
ATTEMPT(turn_memory_into_code) {
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 0;
    int failure = outcome(mprotect(memory, 4096, PROT_READ | PROT_EXEC));
    munmap(memory, 4096);
    return failure;
}
ATTEMPT(silence_the_report) { return signal(SIGSYS, SIG_IGN) == SIG_ERR ? errno : 0; }

int svs_write_text(void) {
    int text = memfd_create("text", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (text < 0) return errno;
    int failure = outcome(ftruncate(text, 8));
    if (!failure && write(text, "12345678", 8) != 8) failure = errno;
    if (!failure) failure = outcome(fcntl(text, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
    close(text);
    return failure;
}

const struct svs_attempt *svs_attempts(void) {
#define ENTRY(name) {#name, name}
    static const struct svs_attempt all[] = {
        ENTRY(read_shadow), ENTRY(write_file), ENTRY(append_to_file), ENTRY(make_file), ENTRY(open_the_old_way),
        ENTRY(make_folder), ENTRY(remove_file), ENTRY(rename_file), ENTRY(change_mode), ENTRY(mount_something),
        ENTRY(change_root), ENTRY(open_socket), ENTRY(open_packet_socket), ENTRY(open_netlink_socket), ENTRY(connect_out),
        ENTRY(send_to_address), ENTRY(listen_for_others), ENTRY(hear_another_interface), ENTRY(hear_everything),
        ENTRY(join_a_fanout_group), ENTRY(choose_a_device), ENTRY(take_an_interface_down), ENTRY(execute),
        ENTRY(execute_again), ENTRY(spawn), ENTRY(trace_the_parent), ENTRY(read_the_parent), ENTRY(kill_the_parent),
        ENTRY(signal_all), ENTRY(name_a_process), ENTRY(limit_the_parent), ENTRY(become_root), ENTRY(become_roots_group),
        ENTRY(take_capabilities), ENTRY(leave_the_namespaces), ENTRY(enter_a_namespace), ENTRY(clone_into_a_namespace),
        ENTRY(load_a_program), ENTRY(make_a_map), ENTRY(take_somebodys_map), ENTRY(attach_a_program), ENTRY(watch_performance), ENTRY(make_a_ring_of_calls), ENTRY(handle_faults),
        ENTRY(ask_for_keys), ENTRY(load_a_kernel), ENTRY(be_readable_again),
        ENTRY(outlive_the_parent), ENTRY(call_what_nobody_has), ENTRY(map_code),
        ENTRY(turn_memory_into_code), ENTRY(silence_the_report), {NULL, NULL},
    };
    return all;
}
