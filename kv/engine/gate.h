/* gate: the one global lock. It covers the pushes of what goes to several inboxes, so that all inboxes hold all such things
 * in the same order, and the reading of the clock, so that time passes at one point of that order: what is pushed
 * carries its time, and a shard takes over a new time only when it has run all that was pushed before. So keys that
 * expire at one moment expire together, on whatever shards they lie. It never covers any work. A mutex and not a spinlock: with more loops than CPUs its holder may be off the CPU. */
#ifndef KV_ENGINE_GATE_H
#define KV_ENGINE_GATE_H

#include <pthread.h>
#include <stdint.h>

struct gate {
    pthread_mutex_t lock;
    int64_t now_ms; /* Unix time, never going back */
};

static inline void gate_init(struct gate *g)
{
    pthread_mutex_init(&g->lock, NULL);
    g->now_ms = 0;
}

static inline void gate_enter(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
}

static inline void gate_leave(struct gate *g)
{
    pthread_mutex_unlock(&g->lock);
}

/* Between enter and leave. unix_ms: the clock, just read. */
static inline int64_t gate_time(struct gate *g, int64_t unix_ms)
{
    if (unix_ms > g->now_ms)
        g->now_ms = unix_ms;
    return g->now_ms;
}

#endif
