/* The timer heap, and the public functions over it. `slot_` is the index in the heap plus one, so
 * that a zeroed timer is not running. */
#include "evio/timer.h"

#include <assert.h>
#include <errno.h>

#include "evio/loop.h"

enum { FANOUT = 4, FIRST_ROOM_COUNT = 64 };

static void place(struct evio_timers *h, size_t index, struct evio_timer *t)
{
    h->heap[index] = t;
    t->slot_ = index + 1;
}

static void sift_up(struct evio_timers *h, size_t index, struct evio_timer *t)
{
    while (index > 0) {
        size_t parent = (index - 1) / FANOUT;
        if (h->heap[parent]->due_us_ <= t->due_us_)
            break;
        place(h, index, h->heap[parent]);
        index = parent;
    }
    place(h, index, t);
}

static void sift_down(struct evio_timers *h, size_t index, struct evio_timer *t)
{
    for (;;) {
        size_t child = index * FANOUT + 1, least = child;
        if (child >= h->count)
            break;
        for (size_t i = child + 1; i < child + FANOUT && i < h->count; i++) {
            if (h->heap[i]->due_us_ < h->heap[least]->due_us_)
                least = i;
        }
        if (t->due_us_ <= h->heap[least]->due_us_)
            break;
        place(h, index, h->heap[least]);
        index = least;
    }
    place(h, index, t);
}

void evio_timers_deinit(struct evio_timers *h)
{
    for (size_t i = 0; i < h->count; i++)
        h->heap[i]->slot_ = 0;
    free(h->heap);
    *h = (struct evio_timers){ 0 };
}

int64_t evio_timers_next_us(const struct evio_timers *h)
{
    return h->count ? h->heap[0]->due_us_ : INT64_MAX;
}

int evio_timers_add(struct evio_timers *h, struct evio_timer *t)
{
    assert(t->slot_ == 0);
    if (h->count == h->room_count) {
        size_t room = h->room_count ? h->room_count * 2 : FIRST_ROOM_COUNT;
        struct evio_timer **heap = realloc(h->heap, room * sizeof(*heap));
        if (!heap)
            return -ENOMEM;
        h->heap = heap;
        h->room_count = room;
    }
    sift_up(h, h->count++, t);
    return 0;
}

void evio_timers_remove(struct evio_timers *h, struct evio_timer *t)
{
    assert(t->slot_ > 0 && t->slot_ <= h->count && h->heap[t->slot_ - 1] == t);
    size_t index = t->slot_ - 1;
    struct evio_timer *last = h->heap[--h->count];
    t->slot_ = 0;
    if (last == t)
        return;
    if (index > 0 && h->heap[(index - 1) / FANOUT]->due_us_ > last->due_us_)
        sift_up(h, index, last);
    else
        sift_down(h, index, last);
}

struct evio_timer *evio_timers_pop(struct evio_timers *h, int64_t now_us)
{
    if (evio_timers_next_us(h) > now_us)
        return NULL;
    struct evio_timer *t = h->heap[0];
    evio_timers_remove(h, t);
    return t;
}

int evio_timer_start(struct evio_loop *l, struct evio_timer *t, int64_t delay_us)
{
    evio_timer_stop(t);
    if (delay_us < 1)
        delay_us = 1; /* so that a timer started by a timer waits for the next turn */
    t->loop_ = l;
    t->due_us_ = delay_us > INT64_MAX - 1 - l->now_us ? INT64_MAX - 1 : l->now_us + delay_us;
    return evio_timers_add(&l->timers, t);
}

void evio_timer_stop(struct evio_timer *t)
{
    if (t->slot_)
        evio_timers_remove(&t->loop_->timers, t);
}
