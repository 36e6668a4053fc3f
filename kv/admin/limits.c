#include "kv/admin/limits.h"

#include <sys/resource.h>

int64_t limits_raise_open_files(int64_t clients)
{
    struct rlimit limit;
    rlim_t want = (rlim_t)clients + LIMITS_RESERVED_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return clients; /* nothing is known: accept() will tell */
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= want)
        return clients;
    struct rlimit raised = limit;
    raised.rlim_cur = want;
    if (raised.rlim_max != RLIM_INFINITY && raised.rlim_max < want) {
        struct rlimit beyond = { want, want }; /* root may raise the hard limit as well */
        if (setrlimit(RLIMIT_NOFILE, &beyond) == 0)
            return clients;
        raised.rlim_cur = limit.rlim_max;
    }
    if (setrlimit(RLIMIT_NOFILE, &raised) < 0)
        raised = limit;
    int64_t most = (int64_t)raised.rlim_cur - LIMITS_RESERVED_FILES;
    return most < clients ? most : clients;
}
