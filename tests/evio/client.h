/* client: blocking sockets that talk to a server under test, and what a process needs for many. */
#ifndef TESTS_EVIO_CLIENT_H
#define TESTS_EVIO_CLIENT_H

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/evio/gauge.h"

/* A blocking client of the address. Reading gives up after a while, so that no test hangs. */
static inline int client_at(const void *sa, socklen_t len)
{
    struct timeval patience = { PATIENCE_S, 0 };
    int fd = socket(((const struct sockaddr *)sa)->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0, "socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    cr_assert(connect(fd, sa, len) == 0, "connect: %s", strerror(errno));
    return fd;
}

static inline void send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        cr_assert(n > 0, "send: %s", strerror(errno));
        data += n;
        len -= (size_t)n;
    }
}

static inline void read_all(int fd, char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = recv(fd, data, len, 0);
        cr_assert(n > 0, "recv: %zd, %s", n, n < 0 ? strerror(errno) : "end");
        data += n;
        len -= (size_t)n;
    }
}

static inline void expect_reply(int fd, const char *reply)
{
    char got[256] = "";
    size_t len = strlen(reply);
    cr_assert(len < sizeof(got));
    read_all(fd, got, len);
    cr_assert_str_eq(got, reply);
}

static inline void expect_end(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, 0);
    cr_assert(n == 0, "expected the end, got %zd (%s)", n, n < 0 ? strerror(errno) : "a byte");
}

static inline void exchange(int fd, const char *text, const char *reply)
{
    send_all(fd, text, strlen(text));
    expect_reply(fd, reply);
}

/* A reset instead of an orderly end. */
static inline void close_hard(int fd)
{
    struct linger hard = { .l_onoff = 1, .l_linger = 0 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(fd);
}

static inline void allow_descriptors(rlim_t count)
{
    struct rlimit lim;
    getrlimit(RLIMIT_NOFILE, &lim);
    if (lim.rlim_cur >= count)
        return;
    lim.rlim_cur = count < lim.rlim_max ? count : lim.rlim_max;
    setrlimit(RLIMIT_NOFILE, &lim);
}

#endif
