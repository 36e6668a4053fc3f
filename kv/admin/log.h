/* log: one event a line, to standard output or a file, as Redis prints them:
 *     4711:M 23 Nov 2026 10:11:12.345 * ready port=6380 loops=4
 * Any thread; a line is one write(2). Nothing per request above debug level. */
#ifndef KV_ADMIN_LOG_H
#define KV_ADMIN_LOG_H

#include "kv/admin/config.h"

struct log;

/* path "": standard output. NULL and errno set if the file cannot be opened. */
struct log *log_open(const char *path, int level);
void log_close(struct log *l);
void log_set_level(struct log *l, int level);
void log_write(struct log *l, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
