#ifndef SVS_DESCRIPTORS_H
#define SVS_DESCRIPTORS_H

#include <sys/socket.h>

// The most descriptors that one message carries.
enum { MOST_DESCRIPTORS = 64 };

union descriptor_room {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int) * MOST_DESCRIPTORS)];
};

// Sends `message` with these descriptors, for which it takes `room`, and without SIGPIPE; 0 or a negative errno.
int svs_send_with(int end, struct msghdr *message, union descriptor_room *room, const int *descriptors, int descriptor_count, int flags);

#endif
