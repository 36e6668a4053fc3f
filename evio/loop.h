/* loop: what one thread owns, and the stages of its turn. Everything here is touched on the loop's
 * thread only, but for the part marked as shared. */
#ifndef EVIO_LOOP_H
#define EVIO_LOOP_H

#include <stdatomic.h>

#include "evio/backend.h"
#include "evio/buf.h"
#include "evio/evio.h"
#include "evio/task.h"
#include "evio/timer.h"

struct evio_listener;

/* Connections to visit in a later stage of the turn, each at most once, linked through
 * themselves. */
struct evio_conn_list {
    struct evio_conn *first, *last;
};

/* What a loop is doing, as those who wake it see it. Only SLEEPING costs them a system call. */
enum evio_loop_state {
    EVIO_LOOP_RUNNING,
    EVIO_LOOP_SLEEPING,
    EVIO_LOOP_WOKEN,
};

enum { EVIO_CACHE_LINE_BYTES = 64, EVIO_IOV_MAX = 1024, EVIO_SEND_MAX_BYTES = 1024 * 1024 };

struct evio_loop {
    struct evio_server *server;
    const struct evio_events *events;
    const struct evio_options *options;
    int index;
    void *udata;
    struct evio_backend backend;
    int64_t now_us;
    struct evio_timers timers;
    struct evio_pool in_pool, in_big_pool, out_pool;
    struct evio_conn *conns; /* all of this loop, stream and datagram, dialing ones too */
    size_t conn_count;       /* of streams: what a graceful stop waits for */
    struct evio_conn_list write, finish;
    struct evio_listener *listeners;
    struct evio_timer tick, accept_retry, stop_timer;
    int64_t stop_due_us;
    bool listening, stopping, drained;
    char *datagram; /* scratch for UDP, made with the first UDP socket */
    struct evio_completion completions[EVIO_TURN_COMPLETIONS_MAX];
    struct iovec iov[EVIO_IOV_MAX];

    /* Shared: written by the loop, read by any thread. */
    struct {
        _Atomic uint64_t accepted, closed, read_bytes, written_bytes, reads, writes, turns, wakes,
            busy_us, turn_us_max;
    } stats;
    /* Shared: written by any thread. */
    _Alignas(EVIO_CACHE_LINE_BYTES) _Atomic int state;
    struct evio_tasks tasks;
    _Atomic int64_t assigned; /* connections given to this loop and not yet closed */
};

/* A counter with one writer. */
static inline void evio_count(_Atomic uint64_t *counter, uint64_t add)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + add, memory_order_relaxed);
}

int evio_loop_init(struct evio_loop *l, struct evio_server *s, int index);
void evio_loop_deinit(struct evio_loop *l);
void evio_loop_run(struct evio_loop *l); /* turns until the server has stopped */
int evio_loop_push(struct evio_loop *l, struct evio_task *t); /* 0, -ESHUTDOWN [any thread] */
int64_t evio_clock_us(void);

#endif
