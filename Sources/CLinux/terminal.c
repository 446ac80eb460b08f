#include "include/terminal.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <termios.h>

int svs_terminal_size(int terminal, uint16_t *rows, uint16_t *columns)
{
    struct winsize size;
    if (ioctl(terminal, TIOCGWINSZ, &size) < 0) return -errno;
    *rows = size.ws_row;
    *columns = size.ws_col;
    return 0;
}
