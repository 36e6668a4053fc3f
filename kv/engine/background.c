/* background: what a shard does without being asked: removing keys that are due, freeing what was emptied. A timer runs a slice
 * when there is something to do, and only then; between two slices the loop takes a turn for its clients. */
#include "kv/engine/engine_internal.h"

enum {
    EXPIRE_SLICE = 1000, /* keys: a fraction of a millisecond */
    FREE_SLICE = 1000,   /* entries */
};

static bool wants_free(const struct shard_stats *st)
{
    return atomic_load_explicit(&st->lazyfree_pending, memory_order_relaxed) > 0;
}

static void slice(struct evio_loop *l, struct evio_timer *t)
{
    struct worker *w = t->arg;
    struct engine *e = w->engine;
    (void)l;
    e->background_due_ms = 0;
    if (e->lent)
        return; /* its return wakes the loop, and the turn plans anew */
    shard_set_now(w->shard, server_unix_ms());
    if (atomic_load_explicit(&w->server->active_expire, memory_order_relaxed))
        shard_expire_due(w->shard, EXPIRE_SLICE);
    shard_free_some(w->shard, FREE_SLICE);
    background_plan(w);
}

void background_init(struct worker *w)
{
    w->engine->background = (struct evio_timer){ .fn = slice, .arg = w };
}

void background_plan(struct worker *w)
{
    struct engine *e = w->engine;
    if (e->lent)
        return;
    int64_t now = shard_now(w->shard), due = INT64_MAX;
    if (atomic_load_explicit(&w->server->active_expire, memory_order_relaxed))
        due = shard_next_expiry_ms(w->shard);
    if (wants_free(shard_stats(w->shard)))
        due = now;
    if (due == INT64_MAX || (e->background_due_ms && e->background_due_ms <= due))
        return;
    e->background_due_ms = due > 0 ? due : 1;
    evio_timer_start(w->loop, &e->background, due > now ? (due - now) * 1000 : 0);
}
