#include "kv/admin/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LOG_LINE_BYTES = 1024 };

struct log {
    int fd;
    _Atomic int level;
};

struct log *log_open(const char *path, int level)
{
    struct log *l = malloc(sizeof(*l));
    if (!l) {
        errno = ENOMEM;
        return NULL;
    }
    l->fd = *path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : STDOUT_FILENO;
    if (l->fd < 0) {
        int err = errno;
        free(l);
        errno = err;
        return NULL;
    }
    atomic_init(&l->level, level);
    return l;
}

void log_close(struct log *l)
{
    if (!l)
        return;
    if (l->fd != STDOUT_FILENO)
        close(l->fd);
    free(l);
}

void log_set_level(struct log *l, int level)
{
    atomic_store_explicit(&l->level, level, memory_order_relaxed);
}

/* "4711:M 23 Nov 2026 10:11:12.345 * " */
static size_t put_head(char *line, int level)
{
    static const char marks[] = { '.', '-', '*', '#' };
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    size_t n = (size_t)snprintf(line, LOG_LINE_BYTES, "%d:M ", (int)getpid());
    n += strftime(line + n, LOG_LINE_BYTES - n, "%d %b %Y %H:%M:%S", &tm);
    n += (size_t)snprintf(line + n, LOG_LINE_BYTES - n, ".%03d %c ", (int)(now.tv_nsec / 1000000),
                          marks[level]);
    return n;
}

void log_write(struct log *l, int level, const char *fmt, ...)
{
    char line[LOG_LINE_BYTES];
    va_list args;
    if (level < atomic_load_explicit(&l->level, memory_order_relaxed) || level >= LOGLEVEL_NOTHING)
        return;
    size_t head = put_head(line, level);
    va_start(args, fmt);
    int ret = vsnprintf(line + head, sizeof(line) - head - 1, fmt, args);
    va_end(args);
    if (ret < 0)
        return;
    size_t end = head + (size_t)ret;
    if (end > sizeof(line) - 2)
        end = sizeof(line) - 2;
    /* What clients sent may be in the text: it must not start a line of its own. */
    for (size_t i = head; i < end; i++) {
        if ((unsigned char)line[i] < ' ' || line[i] == 127)
            line[i] = '?';
    }
    line[end++] = '\n';
    /* A log that cannot be written is no reason to stop serving. */
    ssize_t written = write(l->fd, line, end);
    (void)written;
}
