#ifndef SVS_FOLDER_H
#define SVS_FOLDER_H

#include <stdint.h>

// Files in memory that outlive the process which made them: a folder of their own on a tmpfs, and a lock that tells whose it
// is. Functions return a negative errno on failure. All descriptors are close-on-exec.

/// Opens the folder `directory`/`name` and makes both where they are missing; the inner one may be entered by its owner alone.
/// -EPERM when it is somebody else's or others may write to it.
int svs_folder_open(const char *directory, const char *name);
/// 1 when the folder lies on a tmpfs.
int svs_folder_is_memory(int folder);
/// Locks the folder by its file `lock`, which receives this process's number. -EWOULDBLOCK when another process has the lock,
/// whose number `holder` receives; 0 when it does not say. The lock is in force until every copy of the descriptor is closed.
int svs_folder_lock(int folder, int32_t *holder);
/// Opens a file of the folder for reading and writing, and makes it where it is missing.
int svs_folder_file(int folder, const char *name);
/// Gives a file another name, which it takes from whatever file has it.
int svs_folder_rename(int folder, const char *name, const char *other);
int svs_folder_remove(int folder, const char *name);
/// The number of this thread's network namespace, which no other one of this boot has (SO_NETNS_COOKIE).
int svs_network_cookie(uint64_t *cookie);
/// Makes sure that there is memory behind a part of a file, which grows to hold it (fallocate(2)).
int svs_memory_back(int descriptor, uint64_t offset, uint64_t count);

#endif
