/* server: the loops of one server, what it has bound, and how it starts and stops. */
#ifndef EVIO_SERVER_H
#define EVIO_SERVER_H

#include <pthread.h>
#include <stdatomic.h>

#include "evio/evio.h"
#include "evio/listen.h"
#include "evio/loop.h"

struct evio_server {
    struct evio_events events;
    struct evio_options options;
    char thread_name[10];
    struct evio_loop **loops;
    int num_loops;
    struct evio_bound bound;
    uint32_t next_loop; /* round robin; the accepting loop's */
    uint64_t random_state;

    pthread_mutex_t lock; /* over the start: */
    pthread_cond_t changed;
    int started_count, start_error;

    _Atomic bool listening; /* serving() has returned */
    _Atomic bool stop_asked;
    _Atomic int64_t stop_due_us; /* the earliest asked for */
    _Atomic int busy_loops;      /* loops that still have connections while stopping */
    _Atomic int run_error;
    _Atomic bool starved; /* a listener waits for a descriptor to become free */
};

/* The loop for the next accepted connection. On the accepting loop's thread. */
struct evio_loop *evio_server_pick(struct evio_server *s);

#endif
