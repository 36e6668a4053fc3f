/* rig: a server under test on a thread of its own, and blocking clients of it. A test's own state
 * starts with a struct rig; events find it with rig_of(). Nothing here waits for time to pass: a
 * gauge is waited for until it has risen far enough. */
#ifndef TESTS_EVIO_RIG_H
#define TESTS_EVIO_RIG_H

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "evio/evio.h"

enum { RIG_ADDRS_MAX = 8, RIG_PATIENCE_S = 60 };

struct gauge {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    long value;
};

#define GAUGE_INIT                                                                                 \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0                                     \
    }

static inline void gauge_add(struct gauge *g, long add)
{
    pthread_mutex_lock(&g->lock);
    g->value += add;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

static inline long gauge_get(struct gauge *g)
{
    pthread_mutex_lock(&g->lock);
    long value = g->value;
    pthread_mutex_unlock(&g->lock);
    return value;
}

static inline void gauge_wait(struct gauge *g, long at_least)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += RIG_PATIENCE_S;
    int err = 0;
    pthread_mutex_lock(&g->lock);
    while (g->value < at_least && err == 0)
        err = pthread_cond_timedwait(&g->changed, &g->lock, &end);
    long value = g->value;
    pthread_mutex_unlock(&g->lock);
    cr_assert(value >= at_least, "waited for %ld, got %ld", at_least, value);
}

struct rig {
    struct evio_server *server;
    pthread_t thread;
    int result;
    struct gauge serving;
    int addr_count;
    struct sockaddr_storage sa[RIG_ADDRS_MAX];
    socklen_t sa_len[RIG_ADDRS_MAX];
    int index[RIG_ADDRS_MAX];
    char text[RIG_ADDRS_MAX][160];
    int num_loops;
};

static inline struct rig *rig_of_loop(const struct evio_loop *l)
{
    return evio_server_udata(evio_loop_server(l));
}

static inline struct rig *rig_of(const struct evio_conn *c)
{
    return rig_of_loop(evio_conn_loop(c));
}

static inline enum evio_action rig_serving(struct evio_server *s, const struct evio_serving *info)
{
    struct rig *r = evio_server_udata(s);
    r->num_loops = info->num_loops;
    r->addr_count = info->addr_count < RIG_ADDRS_MAX ? info->addr_count : RIG_ADDRS_MAX;
    for (int i = 0; i < r->addr_count; i++) {
        memcpy(&r->sa[i], info->addrs[i].sa, info->addrs[i].sa_len);
        r->sa_len[i] = info->addrs[i].sa_len;
        r->index[i] = info->addrs[i].index;
        snprintf(r->text[i], sizeof(r->text[i]), "%s", info->addrs[i].text);
    }
    gauge_add(&r->serving, 1);
    return EVIO_NONE;
}

static inline void *rig_main(void *arg)
{
    struct rig *r = arg;
    r->result = evio_server_run(r->server);
    return NULL;
}

/* Returns when the server is serving. */
static inline void rig_start(struct rig *r, struct evio_events events, struct evio_options options,
                             const char *const *addrs, int addr_count)
{
    r->serving = (struct gauge)GAUGE_INIT;
    if (!events.serving)
        events.serving = rig_serving;
    options.udata = r;
    int failed = -2;
    int ret = evio_server_new(&r->server, &events, &options, addrs, addr_count, &failed);
    cr_assert(ret == 0, "evio_server_new: %s (address %d)", strerror(-ret), failed);
    cr_assert(pthread_create(&r->thread, NULL, rig_main, r) == 0);
    gauge_wait(&r->serving, 1);
}

static inline void rig_start_tcp(struct rig *r, struct evio_events events,
                                 struct evio_options options)
{
    const char *addr = "tcp://127.0.0.1:0";
    rig_start(r, events, options, &addr, 1);
}

static inline void rig_join(struct rig *r)
{
    pthread_join(r->thread, NULL);
    evio_server_free(r->server);
    r->server = NULL;
}

static inline void rig_stop(struct rig *r)
{
    evio_server_stop(r->server, RIG_PATIENCE_S * 1000);
    rig_join(r);
    cr_assert(r->result == 0, "evio_server_run: %d", r->result);
}

/* A blocking client of the address. Reading gives up after a while, so that no test hangs. */
static inline int rig_client_at(const void *sa, socklen_t len)
{
    struct timeval patience = { RIG_PATIENCE_S, 0 };
    int fd = socket(((const struct sockaddr *)sa)->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0, "socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    cr_assert(connect(fd, sa, len) == 0, "connect: %s", strerror(errno));
    return fd;
}

static inline int rig_client(const struct rig *r)
{
    return rig_client_at(&r->sa[0], r->sa_len[0]);
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

static inline struct evio_loop_stats rig_stats(const struct rig *r)
{
    struct evio_loop_stats sum = { 0 }, one;
    for (int i = 0; i < evio_server_num_loops(r->server); i++) {
        evio_loop_stats(evio_server_loop(r->server, i), &one);
        sum.accepted += one.accepted;
        sum.closed += one.closed;
        sum.connections += one.connections;
        sum.read_bytes += one.read_bytes;
        sum.written_bytes += one.written_bytes;
        sum.reads += one.reads;
        sum.writes += one.writes;
        sum.turns += one.turns;
        sum.wakes += one.wakes;
    }
    return sum;
}

/* data(): sends back what has come. */
static inline enum evio_action rig_echo(struct evio_conn *c)
{
    struct evio_slice in = evio_conn_input(c);
    evio_conn_write(c, in.ptr, in.len);
    evio_conn_consume(c, in.len);
    return EVIO_NONE;
}

/* The loop counts that most tests run with: i of 0, 1, 2. */
static inline int rig_loops(int i)
{
    return 1 << i;
}

#endif
