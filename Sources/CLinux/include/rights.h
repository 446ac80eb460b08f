#ifndef SVS_RIGHTS_H
#define SVS_RIGHTS_H

#include <stdint.h>

// What a process may do, and how it gives that up for good (capabilities(7), prctl(2), seccomp(2)). Functions that return int
// return a negative errno on failure.

/// The effective capabilities of the calling thread: bit n is capability n.
int svs_capabilities(uint64_t *effective);

/// How many threads the process has.
int svs_thread_count(void);

enum { SVS_SAME_USER = 0 };

/// Becomes user and group, and nobody else ever again: no group besides, no capability, none to be had from a program
/// (bounding set, no_new_privs), no core file and no ptrace, SIGKILL when the process `parent` ends, if it is not 0. With SVS_SAME_USER, user,
/// groups and bounding set stay, which takes no capability. Acts on the calling
/// thread: call it while there is no other. `refused` names the step that failed; -ESRCH: `parent` has ended already.
int svs_give_up_rights(uint32_t user, uint32_t group, int32_t parent, const char **refused);

enum { SVS_SYSTEM_CALLS = 512 };

/// Has system calls that a seccomp filter refuses by SIGSYS fail with EPERM instead, and each number written to standard
/// error the first time. Crashes end the process by their own signal. For all threads of the process.
int svs_report_refusals(void);

/// The name that the report gives a number below SVS_SYSTEM_CALLS; at most 31 bytes of it.
void svs_name_system_call(int number, const char *name);

#endif
