#ifndef SVS_TERMINAL_H
#define SVS_TERMINAL_H

#include <stdint.h>

/// Rows and columns of a terminal; 0 where it does not know. A negative errno where it is none.
int svs_terminal_size(int terminal, uint16_t *rows, uint16_t *columns);

#endif
