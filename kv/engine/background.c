/* background: what a shard does without being asked: removing keys that are due, freeing what was emptied. Its own
 * loop does it: a timer has the loop take a turn when there is something to do, and only then; each turn does one slice. */
#include "kv/engine/engine_internal.h"

enum {
    EXPIRE_SLICE = 1000, /* keys: a fraction of a millisecond */
    FREE_SLICE = 1000,   /* entries */
    PLAN_MAX_MS = 60 * 60 * 1000,
};

static bool wants_free(const struct shard_stats *st)
{
    return atomic_load_explicit(&st->lazyfree_pending, memory_order_relaxed) > 0;
}

/* The shard may be touched only in its lane, which the turn serves. */
static void fired(struct evio_loop *l, struct evio_timer *t)
{
    struct worker *w = t->arg;
    w->engine->background_fired = true;
    evio_loop_wake(l);
}

void background_init(struct worker *w)
{
    w->engine->background = (struct evio_timer){ .fn = fired, .arg = w };
}

static void plan(struct worker *w, int64_t next_ms)
{
    struct engine *e = w->engine;
    int64_t wait_ms = next_ms - shard_now(w->shard);
    if (wait_ms > PLAN_MAX_MS)
        wait_ms = PLAN_MAX_MS;
    e->lane.due_ms = next_ms;
    evio_timer_start(w->loop, &e->background, wait_ms * 1000);
}

static void look_after_own(struct worker *w, bool expire)
{
    struct engine *e = w->engine;
    bool more = false;
    if (e->background_fired) {
        e->background_fired = false;
        e->lane.due_ms = 0;
    }
    if (expire && shard_next_expiry_ms(w->shard) <= shard_now(w->shard))
        shard_expire_due(w->shard, EXPIRE_SLICE);
    if (wants_free(shard_stats(w->shard)))
        more = shard_free_some(w->shard, FREE_SLICE);
    int64_t next = expire ? shard_next_expiry_ms(w->shard) : INT64_MAX;
    if (more)
        evio_loop_wake(w->loop);
    /* More is due: in a moment, so that clients and other loops get the CPU first. */
    if (next <= shard_now(w->shard))
        next = shard_now(w->shard) + 1;
    if (next != INT64_MAX && (!e->lane.due_ms || next < e->lane.due_ms))
        plan(w, next);
}

void background_look(struct worker *w, int index)
{
    struct engine *e = w->engine;
    struct shard *shard = e->shards[index];
    struct lane *lane = e->lanes[index];
    bool expire = atomic_load_explicit(&w->server->active_expire, memory_order_relaxed);
    if (index == w->index) {
        /* Not past what was pushed before this time and cannot be run yet (unarmed, or not linked in): that brings its own. */
        if (e->shard_count == 1 || inbox_empty(&lane->inbox))
            shard_set_now(shard, e->clock_ms);
        look_after_own(w, expire);
        return;
    }
    int64_t next = expire ? shard_next_expiry_ms(shard) : INT64_MAX;
    if ((next != INT64_MAX && (!lane->due_ms || next < lane->due_ms)) ||
        wants_free(shard_stats(shard)))
        e->to_wake[index] = true;
}
