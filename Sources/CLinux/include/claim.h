#ifndef SVS_CLAIM_H
#define SVS_CLAIM_H

#include <stdint.h>

// Who directs the frames of an interface: whoever listens at the abstract AF_UNIX name of the interface's index, which ends
// with the process and is seen in its network namespace alone. Each function returns -errno on failure.

/// A listening, non-blocking socket; -EADDRINUSE when somebody has the interface already.
int svs_claim(int32_t interface);

/// Tells everybody who has connected the number of this process, and hangs up.
void svs_claim_answer(int listener);

/// The number of the process that has the interface, as it says or, after a second, as the kernel knows; 0 when neither tells.
int32_t svs_claim_holder(int32_t interface);

#endif
