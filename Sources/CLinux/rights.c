#define _GNU_SOURCE
#include "rights.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

int svs_capabilities(uint64_t *effective) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, data)) return -errno;
    *effective = (uint64_t)data[1].effective << 32 | data[0].effective;
    return 0;
}

int svs_thread_count(void) {
    struct stat tasks;
    // A folder for each thread, beside the folder's own two entries.
    return stat("/proc/self/task", &tasks) ? -errno : (int)tasks.st_nlink - 2;
}

static int drop_capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return (int)syscall(SYS_capset, &header, none);
}

static int empty_bounding_set(void) {
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)) return -1;
    return 0;
}

// At most this many descriptors: a link to each of many interfaces and some clients, and not the machine's memory.
static int limit_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) return -1;
    if (limit.rlim_max > 65536) limit.rlim_max = 65536;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit);
}

static int become(uint32_t user, uint32_t group, const char **refused) {
    // The bounding set needs a capability (CAP_SETPCAP), the groups another (CAP_SETGID): root's user goes after them.
    *refused = "empty the capability bounding set";
    if (empty_bounding_set()) return -errno;
    *refused = "leave the supplementary groups";
    if (setgroups(0, NULL)) return -errno;
    *refused = "change the group";
    if (setresgid(group, group, group)) return -errno;
    *refused = "change the user";
    if (setresuid(user, user, user)) return -errno;
    return 0;
}

int svs_give_up_rights(uint32_t user, uint32_t group, int32_t parent, const char **refused) {
    const struct rlimit none = {0, 0};
    *refused = "clear the ambient capabilities";
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)) return -errno;
    if (user != SVS_SAME_USER) {
        int result = become(user, group, refused);
        if (result) return result;
    }
    *refused = "drop the capabilities";
    if (drop_capabilities()) return -errno;
    *refused = "give up new privileges (no_new_privs)";
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return -errno;
    // Its memory holds the traffic of others: it goes neither into a core file, nor through the pipe of core_pattern (which
    // the limit alone does not keep from it), nor to another process of the same user (ptrace, /proc/PID/mem).
    *refused = "limit core files";
    if (setrlimit(RLIMIT_CORE, &none)) return -errno;
    *refused = "make the memory unreadable to others";
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)) return -errno;
    *refused = "limit the descriptors";
    if (limit_descriptors()) return -errno;
    if (parent == 0) return 0;
    // The change of user has cleared what was asked for before it.
    *refused = "end with the parent process";
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)) return -errno;
    return getppid() == parent ? 0 : -ESRCH;
}

// ---- system calls that were refused ----

// The register in which a call's result comes back, as the handler finds it on the stack.
static void set_result(ucontext_t *context, long result) {
#if defined(__x86_64__)
    context->uc_mcontext.gregs[REG_RAX] = result;
#elif defined(__aarch64__)
    context->uc_mcontext.regs[0] = (unsigned long long)result;
#else
#error "where does this machine keep the result of a system call?"
#endif
}

static char names[SVS_SYSTEM_CALLS][32];
static _Atomic uint64_t told[SVS_SYSTEM_CALLS / 64];

static char *append(char *to, const char *text) {
    while (*text) *to++ = *text++;
    return to;
}

static char *append_number(char *to, unsigned number) {
    char digits[10];
    int count = 0;
    do digits[count++] = (char)('0' + number % 10); while (number /= 10);
    while (count) *to++ = digits[--count];
    return to;
}

// SYS_SECCOMP of the kernel's siginfo.h, which the C library does not name.
enum { BY_FILTER = 1 };

// In a signal's handler: no allocation, no lock, no stdio.
static void tell(unsigned number) {
    // Numbers that no machine has share the last place.
    unsigned place = number < SVS_SYSTEM_CALLS ? number : SVS_SYSTEM_CALLS - 1;
    uint64_t bit = 1ull << place % 64;
    if (atomic_fetch_or(&told[place / 64], bit) & bit) return;
    char line[96], *end = append(line, "svs: refused: system call ");
    end = append_number(end, number);
    if (names[place][0]) end = append(append(append(end, " ("), names[place]), ")");
    *end++ = '\n';
    (void)!write(2, line, (size_t)(end - line));
}

static void refuse(int signal, siginfo_t *information, void *context) {
    (void)signal;
    // Whoever sends the signal by hand refuses nothing.
    if (information->si_code != BY_FILTER) return;
    int kept = errno;
    tell((unsigned)information->si_syscall);
    set_result(context, -EPERM);
    errno = kept;
}

int svs_report_refusals(void) {
    // Swift's runtime has handlers for these that start a program to say where it crashed. That is refused with all signals
    // blocked, so that every crash would look like a refused call; without them the process ends by what it did.
    static const int crashes[] = {SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGQUIT};
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        if (signal(crashes[i], SIG_DFL) == SIG_ERR) return -errno;
    struct sigaction action = {.sa_sigaction = refuse, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    return sigaction(SIGSYS, &action, NULL) ? -errno : 0;
}

void svs_name_system_call(int number, const char *name) {
    if (number < 0 || number >= SVS_SYSTEM_CALLS) return;
    strncpy(names[number], name, sizeof names[number] - 1);
}
