/* timer: the timers of one loop, a heap of four children a node ordered by due time. A timer knows
 * its place, so stopping one costs as little as starting it. One thread. */
#ifndef EVIO_TIMER_H
#define EVIO_TIMER_H

#include "evio/evio.h"

struct evio_timers {
    struct evio_timer **heap;
    size_t count, room_count;
};

void evio_timers_deinit(struct evio_timers *h);                   /* stops all */
int64_t evio_timers_next_us(const struct evio_timers *h);         /* due time; INT64_MAX: none */
int evio_timers_add(struct evio_timers *h, struct evio_timer *t); /* at t->due_us_; 0 or -ENOMEM */
void evio_timers_remove(struct evio_timers *h, struct evio_timer *t);
/* Takes out the first timer that is due by now_us, or NULL. */
struct evio_timer *evio_timers_pop(struct evio_timers *h, int64_t now_us);

#endif
