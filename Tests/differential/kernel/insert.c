/*
 * insert - loads kernel modules in the order given; one that is loaded already is fine.
 *
 * usage: insert FILE.ko...
 *
 * The guest has no other program for it: Debian's user-mode-linux does not bring kmod.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int failed = 0;
	for (int i = 1; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)) {
			fprintf(stderr, "insert: %s: %s\n", argv[i], strerror(errno));
			failed = 1;
		}
		if (fd >= 0)
			close(fd);
	}
	return failed;
}
