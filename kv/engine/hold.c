/* hold: a call over several shards that must see them all at once (RENAME, MSETNX, ...). Each of its shards comes to it through
 * its inbox; all but the last lend their shard and go on without it; the last runs the call, gives the shards back and sends the
 * hold home. Since all inboxes have all holds in one order, two holds never wait for each other. */
#include <assert.h>

#include "kv/engine/engine_internal.h"

struct hold *hold_new(struct round *r, struct queued *q, const int *shards, int count)
{
    struct hold *h = arena_alloc(&r->arena, sizeof(*h));
    struct hold_part *parts = arena_alloc(&r->arena, sizeof(*parts) * (size_t)count);
    int *own = arena_alloc(&r->arena, sizeof(*own) * (size_t)count);
    if (!h || !parts || !own)
        return NULL;
    *h = (struct hold){ .round = r, .q = q, .part_count = count, .shards = own, .parts = parts };
    for (int i = 0; i < count; i++) {
        own[i] = shards[i];
        parts[i].hold = h;
        parts[i].msg.kind = MESSAGE_HOLD;
    }
    struct hold **last = &r->holds;
    while (*last)
        last = &(*last)->next;
    *last = h;
    return h;
}

static void take_shards(struct worker *w, struct hold *h)
{
    for (int i = 0; i < h->part_count; i++) {
        struct shard *s = w->engine->shards[h->shards[i]];
        shard_hold(s, w);
        shard_set_now(s, h->round->now_ms);
    }
}

static void give_back(struct worker *w, struct hold *h)
{
    for (int i = 0; i < h->part_count; i++) {
        if (h->shards[i] == w->index)
            continue;
        struct worker *owner = w->server->workers[h->shards[i]];
        shard_release(owner->shard, w);
        atomic_store_explicit(&owner->engine->given_back, true, memory_order_release);
        evio_loop_wake(owner->loop);
    }
}

bool hold_arrive(struct worker *w, struct hold_part *part)
{
    struct hold *h = part->hold;
    struct engine *e = w->engine;
    shard_release(w->shard, w);
    e->lent = true;
    int count = h->part_count;
    int before = atomic_fetch_add_explicit(&h->arrived, 1, memory_order_acq_rel);
    /* Unless this is the last one, the hold may be gone by now. */
    assert(before < count);
    if (before + 1 < count)
        return false;
    e->lent = false;
    take_shards(w, h);
    struct reply out;
    outbuf_begin(&h->out, &out, 2);
    run_call(w, h->q, &out);
    outbuf_end(&h->out, &out);
    counter_add(&w->stats.holds, 1);
    give_back(w, h);
    return true;
}
