/* hold: a call over several shards that must see them all at once (RENAME, MSETNX, ...). Each of its shards comes to it through
 * its inbox; who serves the shard leaves it there, its lane taken, and goes on; who brings the last one runs the call and
 * serves all the lanes from there. Since all inboxes have all holds in one order, two holds never wait for each other. */
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

static void keep_lanes(struct worker *w, struct hold *h, int but)
{
    struct engine *e = w->engine;
    for (int i = 0; i < h->part_count; i++) {
        if (h->shards[i] == but)
            continue;
        shard_release(e->shards[h->shards[i]], w);
        assert(e->held_count < e->shard_count);
        e->held[e->held_count++] = h->shards[i];
    }
}

bool hold_arrive(struct worker *w, struct hold_part *part)
{
    struct hold *h = part->hold;
    int shard = h->shards[part - h->parts], count = h->part_count;
    shard_release(w->engine->shards[shard], w);
    int before = atomic_fetch_add_explicit(&h->arrived, 1, memory_order_acq_rel);
    assert(before < count);
    if (before + 1 < count)
        return false; /* whoever comes last may have run and freed it by now */
    take_shards(w, h);
    struct reply out;
    w->engine->now_ms = h->round->now_ms;
    outbuf_begin(&h->out, &out, 2);
    run_call(w, h->q, &out);
    outbuf_end(&h->out, &out);
    counter_add(&w->stats.holds, 1);
    keep_lanes(w, h, shard);
    return true;
}
