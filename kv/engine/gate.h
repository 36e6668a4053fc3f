/* gate: the one global lock. It covers the pushes of what goes to several inboxes, so that all inboxes hold all such things
 * in the same order, and never any work. A mutex and not a spinlock: with more loops than CPUs its holder may be off the CPU. */
#ifndef KV_ENGINE_GATE_H
#define KV_ENGINE_GATE_H

#include <pthread.h>

struct gate {
    pthread_mutex_t lock;
};

static inline void gate_init(struct gate *g)
{
    pthread_mutex_init(&g->lock, NULL);
}

static inline void gate_enter(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
}

static inline void gate_leave(struct gate *g)
{
    pthread_mutex_unlock(&g->lock);
}

#endif
