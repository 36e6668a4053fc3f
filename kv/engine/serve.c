/* serve: runs what was sent to a shard, on whatever worker has taken the shard's lane. */
#include <assert.h>

#include "kv/engine/engine_internal.h"

enum {
    ARMED_SPINS = 200, /* the pusher stands between its last push and the flag: some instructions */
    SERVE_MAX = 1024,  /* messages in one go: then the shard's own loop is asked to go on */
};

static void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void send_back(struct worker *w, struct round *r, struct message *m)
{
    if (r->home == w) {
        round_part_back(r);
        return;
    }
    struct worker *home =
        r->home; /* the round may be over, and gone, once its message has been pushed */
    counter_add(&w->stats.hops_received, 1);
    inbox_push(&home->engine->back, m);
    w->engine->to_wake[home->index] = true;
}

static bool is_armed(const struct message *m)
{
    if (!m->armed)
        return true;
    for (int i = 0; i < ARMED_SPINS; i++) {
        if (atomic_load_explicit(m->armed, memory_order_acquire))
            return true;
        cpu_relax();
    }
    return false;
}

/* Runs the inbox as far as that is possible now: whoever arms a message serves the lane after that. False: the shard is lent to
 * a hold, and the lane with it. */
static bool run_inbox(struct worker *w, int index, int *budget)
{
    struct engine *e = w->engine;
    struct shard *shard = e->shards[index];
    struct inbox *in = &e->lanes[index]->inbox;
    struct message *m;
    while (*budget > 0 && (m = inbox_peek(in)) && is_armed(m)) {
        inbox_pop(in, m);
        --*budget;
        if (m->kind == MESSAGE_HOP) {
            struct hop *h = (struct hop *)m;
            shard_set_now(shard, h->round->now_ms);
            run_hop(w, shard, h);
            send_back(w, h->round, m);
        } else {
            struct hold_part *part = (struct hold_part *)m;
            struct round *r = part->hold->round;
            if (!hold_arrive(w, part))
                return false;
            send_back(w, r, m);
        }
    }
    return true;
}

/* The lane is the worker's. */
static void serve_taken(struct worker *w, int index, int *budget)
{
    struct engine *e = w->engine;
    struct lane *lane = e->lanes[index];
    struct shard *shard = e->shards[index];
    do {
        shard_hold(shard, w);
        if (!run_inbox(w, index, budget))
            return;
        background_look(w, index);
        shard_release(shard, w);
        if (*budget == 0) { /* fairness: the loop whose shard this is goes on */
            /* An exchange, so that the next one inside sees what those who called had pushed. */
            atomic_exchange_explicit(&lane->state, LANE_FREE, memory_order_acq_rel);
            e->to_wake[index] = true;
            return;
        }
    } while (!lane_leave(lane));
}

void serve(struct worker *w, int index)
{
    struct engine *e = w->engine;
    int budget = SERVE_MAX; /* for all of it: one hold may lead to the next without an end */
    if (lane_take(e->lanes[index]))
        serve_taken(w, index, &budget);
    else if (index == w->index && e->background_fired)
        e->to_wake[index] = true; /* only this loop looks after its shard: when it is free */
    /* Shards that holds have left in this worker's hands. */
    while (e->held_count > 0)
        serve_taken(w, e->held[--e->held_count], &budget);
}

void serve_visit(struct worker *w, struct hop *h)
{
    w->engine->now_ms = w->engine->clock_ms;
    run_hop(w, NULL, h);
    send_back(w, h->round, &h->msg);
}
