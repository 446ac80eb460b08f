/*
 * gate - preloaded into a program: it goes no further, all loaded and linked, than where main would begin until its
 *        standard input has a byte for it. Starting a program takes a guest without virtual time longer than what an
 *        administrator's command then does.
 */
#include <unistd.h>

__attribute__((constructor)) static void wait_for_it(void)
{
	char c = 'r';
	if (write(STDOUT_FILENO, &c, 1) != 1 || read(STDIN_FILENO, &c, 1) != 1)
		_exit(126);
}
