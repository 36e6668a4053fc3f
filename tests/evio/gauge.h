/* gauge: a number that one thread raises and a test waits for. */
#ifndef TESTS_EVIO_GAUGE_H
#define TESTS_EVIO_GAUGE_H

#include <criterion/criterion.h>
#include <pthread.h>
#include <time.h>

enum { PATIENCE_S = 60 };

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
    end.tv_sec += PATIENCE_S;
    int err = 0;
    pthread_mutex_lock(&g->lock);
    while (g->value < at_least && err == 0)
        err = pthread_cond_timedwait(&g->changed, &g->lock, &end);
    long value = g->value;
    pthread_mutex_unlock(&g->lock);
    cr_assert(value >= at_least, "waited for %ld, got %ld", at_least, value);
}

#endif
