/* rig: a server under test on a thread of its own, and blocking clients of it. A test's own state
 * starts with a struct rig; events find it with rig_of(). Nothing here waits for time to pass: a
 * gauge is waited for until it has risen far enough. */
#ifndef TESTS_EVIO_RIG_H
#define TESTS_EVIO_RIG_H

#include <criterion/criterion.h>
#include <stdatomic.h>

#include "evio/evio.h"
#include "tests/evio/client.h"
#include "tests/evio/gauge.h"

enum { RIG_ADDRS_MAX = 8 };

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
    evio_server_stop(r->server, PATIENCE_S * 1000);
    rig_join(r);
    cr_assert(r->result == 0, "evio_server_run: %d", r->result);
}

static inline int rig_client(const struct rig *r)
{
    return client_at(&r->sa[0], r->sa_len[0]);
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
