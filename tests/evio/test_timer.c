/* The timer heap against a naive model, and timers on a running loop. */
#include "evio/timer.h"
#include "tests/evio/rig.h"

enum { TIMERS = 1000 };

static uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

Test(timer, the_heap_pops_what_a_naive_model_pops)
{
    struct evio_timer *timers = calloc(TIMERS, sizeof(*timers));
    bool *running = calloc(TIMERS, sizeof(*running));
    struct evio_timers heap = { 0 };
    uint64_t seed = 7777, x = seed;
    int64_t now_us = 0;
    for (int step = 0; step < 20000; step++) {
        size_t i = next_random(&x) % TIMERS;
        if (next_random(&x) % 3) {
            if (running[i])
                evio_timers_remove(&heap, &timers[i]);
            timers[i].due_us_ = now_us + (int64_t)(next_random(&x) % 5000);
            cr_assert_eq(evio_timers_add(&heap, &timers[i]), 0);
            running[i] = true;
        } else if (running[i]) {
            evio_timers_remove(&heap, &timers[i]);
            running[i] = false;
            cr_assert_eq(timers[i].slot_, 0);
        }
        now_us += (int64_t)(next_random(&x) % 8);
        int64_t last = 0;
        struct evio_timer *t;
        while ((t = evio_timers_pop(&heap, now_us))) {
            cr_assert(running[t - timers] && t->due_us_ <= now_us && t->due_us_ >= last);
            last = t->due_us_;
            running[t - timers] = false;
        }
        if (step % 100)
            continue;
        int64_t next_us = INT64_MAX;
        size_t count = 0;
        for (size_t k = 0; k < TIMERS; k++) {
            if (!running[k])
                continue;
            count++;
            cr_assert(timers[k].due_us_ > now_us, "seed %lu, step %d: overdue", seed, step);
            if (timers[k].due_us_ < next_us)
                next_us = timers[k].due_us_;
        }
        cr_assert_eq(heap.count, count);
        cr_assert_eq(evio_timers_next_us(&heap), next_us, "seed %lu, step %d", seed, step);
    }
    evio_timers_deinit(&heap);
    free(timers);
    free(running);
}

struct state {
    struct rig rig;
    struct gauge fired;
    struct evio_timer timers[TIMERS];
    int64_t due_us[TIMERS], last_us;
    int fires[TIMERS], again;
    uint64_t random;
};

static void fired(struct evio_loop *l, struct evio_timer *t)
{
    struct state *s = t->arg;
    size_t i = (size_t)(t - s->timers);
    int64_t due_us = s->due_us[i];
    cr_assert(evio_loop_now_us(l) >= due_us, "early by %ld us",
              (long)(due_us - evio_loop_now_us(l)));
    cr_assert(due_us >= s->last_us, "out of order");
    s->last_us = due_us;
    s->fires[i]++;
    gauge_add(&s->fired, 1);
}

static void start_all(struct evio_loop *l, void *arg)
{
    struct state *s = arg;
    for (size_t i = 0; i < TIMERS; i++) {
        int64_t delay_us = (int64_t)(next_random(&s->random) % 100000);
        s->timers[i].fn = fired;
        s->timers[i].arg = s;
        cr_assert_eq(evio_timer_start(l, &s->timers[i], 5), 0);
        cr_assert_eq(evio_timer_start(l, &s->timers[i], delay_us), 0); /* restarts */
        s->due_us[i] = evio_loop_now_us(l) + delay_us;
        if (i % 10 == 0) {
            evio_timer_stop(&s->timers[i]);
            evio_timer_stop(&s->timers[i]); /* nothing */
        }
    }
}

Test(timer, a_thousand_timers_fire_once_in_order_and_never_early)
{
    for (int i = 0; i < 3; i++) {
        struct state *s = calloc(1, sizeof(*s));
        s->fired = (struct gauge)GAUGE_INIT;
        s->random = 99;
        rig_start(&s->rig, (struct evio_events){ 0 },
                  (struct evio_options){ .num_loops = rig_loops(i) }, NULL, 0);
        evio_loop_post(evio_server_loop(s->rig.server, rig_loops(i) - 1), start_all, s);
        gauge_wait(&s->fired, TIMERS - TIMERS / 10);
        rig_stop(&s->rig);
        for (int k = 0; k < TIMERS; k++)
            cr_assert_eq(s->fires[k], k % 10 ? 1 : 0, "timer %d", k);
        free(s);
    }
}

static void free_itself(struct evio_loop *l, struct evio_timer *t)
{
    (void)l;
    struct gauge *g = t->arg;
    free(t);
    gauge_add(g, 1);
}

static void start_again(struct evio_loop *l, struct evio_timer *t)
{
    struct state *s = t->arg;
    if (++s->again < 100) {
        cr_assert_eq(evio_timer_start(l, t, 0), 0);
        return;
    }
    struct evio_timer *own = calloc(1, sizeof(*own));
    own->fn = free_itself;
    own->arg = &s->fired;
    cr_assert_eq(evio_timer_start(l, own, 1), 0);
}

static void start_first(struct evio_loop *l, void *arg)
{
    struct state *s = arg;
    s->timers[0].fn = start_again;
    s->timers[0].arg = s;
    cr_assert_eq(evio_timer_start(l, &s->timers[0], -5), 0);
}

Test(timer, may_start_again_or_free_itself_when_it_fires)
{
    struct state *s = calloc(1, sizeof(*s));
    s->fired = (struct gauge)GAUGE_INIT;
    rig_start(&s->rig, (struct evio_events){ 0 }, (struct evio_options){ 0 }, NULL, 0);
    evio_loop_post(evio_server_loop(s->rig.server, 0), start_first, s);
    gauge_wait(&s->fired, 1);
    cr_assert_eq(s->again, 100);
    rig_stop(&s->rig);
    free(s);
}
