#ifndef SVS_CBENCH_H
#define SVS_CBENCH_H
#endif
