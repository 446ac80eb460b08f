#include <sys/prctl.h>

#include "pages.h"

// A director's memory begins at huge pages, each of which the kernel would clear as a whole for every input's director.
__attribute__((constructor)) static void small_pages(void) { prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); }
