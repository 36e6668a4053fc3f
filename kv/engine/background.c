/* background: what a shard does without being asked: removing keys that are due, freeing what was emptied. A timer has the
 * loop take a turn when there is something to do, and only then; each turn does one slice. */
#include "kv/engine/engine_internal.h"

enum {
    EXPIRE_SLICE = 1000, /* keys: a fraction of a millisecond */
    FREE_SLICE = 1000,   /* entries */
};

static bool wants_free(const struct shard_stats *st)
{
    return atomic_load_explicit(&st->lazyfree_pending, memory_order_relaxed) > 0;
}

/* Shard and time may be taken only in the turn, in their order. */
static void due(struct evio_loop *l, struct evio_timer *t)
{
    struct worker *w = t->arg;
    w->engine->background_due_ms = 0;
    evio_loop_wake(l);
}

void background_init(struct worker *w)
{
    w->engine->background = (struct evio_timer){ .fn = due, .arg = w };
}

void background_run(struct worker *w)
{
    struct engine *e = w->engine;
    if (e->lent)
        return; /* its return wakes the loop */
    bool expire = atomic_load_explicit(&w->server->active_expire, memory_order_relaxed);
    int64_t now = shard_now(w->shard);
    if (expire && shard_next_expiry_ms(w->shard) <= now)
        shard_expire_due(w->shard, EXPIRE_SLICE);
    if (wants_free(shard_stats(w->shard)) && shard_free_some(w->shard, FREE_SLICE)) {
        evio_loop_wake(w->loop);
        return;
    }
    int64_t next = expire ? shard_next_expiry_ms(w->shard) : INT64_MAX;
    if (next <= now)
        evio_loop_wake(w->loop);
    else if (next != INT64_MAX && (!e->background_due_ms || next < e->background_due_ms)) {
        e->background_due_ms = next;
        evio_timer_start(w->loop, &e->background, (next - now) * 1000);
    }
}
