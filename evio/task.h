/* task: the queue of functions that other threads hand to a loop. Many push, the loop takes all at
 * once; tasks of one pusher come out in the order they went in. Nothing is pushed after the queue
 * has been closed. No allocation: the node is the pusher's. */
#ifndef EVIO_TASK_H
#define EVIO_TASK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct evio_loop;

struct evio_task {
    struct evio_task *next;
    void (*run)(struct evio_loop *l, struct evio_task *t); /* owns t from here */
};

struct evio_tasks {
    _Atomic(struct evio_task *) head; /* newest first */
};

bool evio_tasks_push(struct evio_tasks *q, struct evio_task *t); /* false: closed [any thread] */
/* Oldest first, NULL if there are none. */
struct evio_task *evio_tasks_take(struct evio_tasks *q);
struct evio_task *evio_tasks_close(struct evio_tasks *q); /* takes what is left */

static inline bool evio_tasks_empty(struct evio_tasks *q)
{
    return !atomic_load_explicit(&q->head, memory_order_relaxed);
}

#endif
