/* A stack that is pushed with compare-and-swap and taken whole, then turned round: a node is never
 * popped alone, so there is no reuse problem. */
#include "evio/task.h"

/* Only its address is used. */
static const struct evio_task closed_mark;
#define CLOSED ((struct evio_task *)&closed_mark)

bool evio_tasks_push(struct evio_tasks *q, struct evio_task *t)
{
    struct evio_task *head = atomic_load_explicit(&q->head, memory_order_relaxed);
    do {
        if (head == CLOSED)
            return false;
        t->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&q->head, &head, t, memory_order_release,
                                                    memory_order_relaxed));
    return true;
}

static struct evio_task *oldest_first(struct evio_task *t)
{
    struct evio_task *out = NULL;
    while (t) {
        struct evio_task *next = t->next;
        t->next = out;
        out = t;
        t = next;
    }
    return out;
}

struct evio_task *evio_tasks_take(struct evio_tasks *q)
{
    if (evio_tasks_empty(q))
        return NULL;
    return oldest_first(atomic_exchange_explicit(&q->head, NULL, memory_order_acquire));
}

struct evio_task *evio_tasks_close(struct evio_tasks *q)
{
    struct evio_task *t = atomic_exchange_explicit(&q->head, CLOSED, memory_order_acquire);
    return t == CLOSED ? NULL : oldest_first(t);
}
