/* limits: what the operating system lets this process have. Process-wide; any thread. */
#ifndef KV_ADMIN_LIMITS_H
#define KV_ADMIN_LIMITS_H

#include <stdint.h>

/* Descriptors that are not clients: listeners, logs, the poller of each loop. */
enum { LIMITS_RESERVED_FILES = 32 };

/* Raises the soft limit of open files so that so many clients fit, as far as the hard limit
 * allows. Returns how many fit now. */
int64_t limits_raise_open_files(int64_t clients);

#endif
