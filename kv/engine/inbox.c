/* The queue is a list from the oldest (tail) to the newest (head). A push swaps head and then links its predecessor to itself;
 * between the two the list is cut for an instant and the consumer sees its end.
 *
 * The stub keeps the list from being empty. Peek passes over it; a message can be taken only once another node stands
 * behind it, so when it is the last one, the stub is pushed again. */
#include "kv/engine/inbox.h"

#include <assert.h>

void inbox_init(struct inbox *q)
{
    atomic_init(&q->stub.next, NULL);
    atomic_init(&q->head, &q->stub);
    q->tail = &q->stub;
}

void inbox_push(struct inbox *q, struct message *m)
{
    atomic_store_explicit(&m->next, NULL, memory_order_relaxed);
    struct message *before = atomic_exchange_explicit(&q->head, m, memory_order_acq_rel);
    atomic_store_explicit(&before->next, m, memory_order_release);
}

bool inbox_empty(const struct inbox *q)
{
    return q->tail == &q->stub && atomic_load_explicit(&q->head, memory_order_acquire) == &q->stub;
}

struct message *inbox_peek(struct inbox *q)
{
    struct message *m = q->tail;
    if (m == &q->stub) {
        m = atomic_load_explicit(&m->next, memory_order_acquire);
        if (!m)
            return NULL;
        q->tail = m;
    }
    if (atomic_load_explicit(&m->next, memory_order_acquire))
        return m;
    if (m != atomic_load_explicit(&q->head, memory_order_acquire))
        return NULL;
    inbox_push(q, &q->stub);
    return atomic_load_explicit(&m->next, memory_order_acquire) ? m : NULL;
}

void inbox_pop(struct inbox *q, struct message *m)
{
    assert(q->tail == m && m != &q->stub);
    struct message *next = atomic_load_explicit(&m->next, memory_order_acquire);
    assert(next);
    q->tail = next;
}
