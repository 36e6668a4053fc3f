/* round: from the first call to the last reply. On the home worker, but for what inbox_push makes visible to others. */
#include "kv/engine/engine_internal.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>

static struct round *round_new(struct worker *w)
{
    int shards = w->engine->shard_count;
    struct round *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->home = w;
    arena_init(&r->arena);
    r->entries = calloc(ROUND_CALLS_MAX + 1, sizeof(struct queued *));
    r->spans = calloc(ROUND_CALLS_MAX + 1, sizeof(*r->spans));
    r->hops = calloc((size_t)shards, sizeof(*r->hops));
    r->visits = calloc((size_t)shards, sizeof(*r->visits));
    if (!r->entries || !r->spans || !r->hops || !r->visits) {
        round_free(r);
        return NULL;
    }
    for (int i = 0; i < shards; i++) {
        r->hops[i].round = r;
        r->hops[i].msg.kind = MESSAGE_HOP;
        r->visits[i].round = r;
        r->visits[i].msg.kind = MESSAGE_VISIT;
    }
    return r;
}

void round_free(struct round *r)
{
    for (int i = 0; r->hops && i < r->home->engine->shard_count; i++)
        outbuf_deinit(&r->hops[i].out);
    for (int i = 0; r->visits && i < r->home->engine->shard_count; i++)
        outbuf_deinit(&r->visits[i].out);
    outbuf_deinit(&r->done);
    arena_deinit(&r->arena);
    free(r->hops);
    free(r->visits);
    free(r->spans);
    free(r->entries);
    free(r);
}

void round_free_idle(struct engine *e)
{
    while (e->idle_rounds) {
        struct round *r = e->idle_rounds;
        e->idle_rounds = r->next;
        round_free(r);
    }
    e->idle_round_count = 0;
}

struct round *round_begin(struct worker *w)
{
    struct engine *e = w->engine;
    struct round *r = e->idle_rounds;
    if (!r)
        return round_new(w);
    e->idle_rounds = r->next;
    e->idle_round_count--;
    return r;
}

static void round_recycle(struct round *r)
{
    struct engine *e = r->home->engine;
    for (struct hold *h = r->holds; h; h = h->next)
        outbuf_deinit(&h->out);
    r->holds = NULL;
    r->entry_count = r->span_count = 0;
    for (int i = 0; i < e->shard_count; i++) {
        r->hops[i].count = r->visits[i].count = 0;
        outbuf_reset(&r->hops[i].out);
        outbuf_reset(&r->visits[i].out);
    }
    outbuf_reset(&r->done);
    arena_reset(&r->arena);
    if (e->idle_round_count >= ROUNDS_KEEP) {
        round_free(r);
        return;
    }
    r->next = e->idle_rounds;
    e->idle_rounds = r;
    e->idle_round_count++;
}

static void round_done(struct round *r)
{
    r->home->engine->in_flight--;
    round_answer(r);
    round_recycle(r);
}

void round_part_back(struct round *r)
{
    assert(r->pending > 0);
    if (--r->pending == 0)
        round_done(r);
}

/* Debug and sanitizer builds widen the instants between two pushes: what rests on the gate or on `armed` then fails in tests
 * and not in the field. */
static void widen(struct engine *e)
{
#ifdef EVIO_DEBUG
    e->random = e->random * 6364136223846793005u + 1442695040888963407u;
    if (e->random >> 62 == 0)
        sched_yield();
#else
    (void)e;
#endif
}

static void push_all(struct round *r, bool several)
{
    struct worker *w = r->home;
    struct engine *e = w->engine;
    const _Atomic bool *armed = several ? &r->armed : NULL;
    for (int i = 0; i < e->shard_count; i++) {
        if (!r->hops[i].count)
            continue;
        r->hops[i].msg.armed = armed;
        inbox_push(&e->lanes[i]->inbox, &r->hops[i].msg);
        widen(e);
        e->targets[i] = true;
        counter_add(&w->stats.hops_sent, i != w->index);
    }
    for (struct hold *h = r->holds; h; h = h->next) {
        for (int i = 0; i < h->part_count; i++) {
            h->parts[i].msg.armed = armed;
            inbox_push(&e->lanes[h->shards[i]]->inbox, &h->parts[i].msg);
            widen(e);
            e->targets[h->shards[i]] = true;
            counter_add(&w->stats.hops_sent, h->shards[i] != w->index);
        }
    }
}

/* Visits are outside the order of the shards: they touch no key. */
static void send_visits(struct round *r)
{
    struct worker *w = r->home;
    for (int i = 0; i < w->engine->shard_count; i++) {
        if (!r->visits[i].count || i == w->index)
            continue;
        r->visits[i].msg.armed = NULL;
        inbox_push(&w->server->workers[i]->engine->back, &r->visits[i].msg);
        w->engine->to_wake[i] = true;
    }
}

/* Sends all of it on its way, and then runs what nobody else is at. The round may be over when this returns. */
static void send_out(struct round *r, int messages)
{
    struct worker *w = r->home;
    struct engine *e = w->engine;
    struct gate *gate = w->server->gate;
    bool several = messages > 1;
    /* Arguments point into the input: it must not move until they have been used. */
    for (int i = 0; i < r->span_count; i++)
        evio_conn_pause_read(r->spans[i].session->conn);
    r->now_ms = e->clock_ms;
    if (several) {
        atomic_store_explicit(&r->armed, false, memory_order_relaxed);
        gate_enter(gate);
        r->now_ms = gate_time(gate, server_unix_ms());
    }
    push_all(r, several);
    if (several) {
        gate_leave(gate);
        atomic_store_explicit(&r->armed, true, memory_order_release);
    }
    send_visits(r);
    struct hop *own_visit = r->visits[w->index].count ? &r->visits[w->index] : NULL;
    if (own_visit)
        serve_visit(w, own_visit);
    for (int i = 0; i < e->shard_count; i++) {
        if (!e->targets[i])
            continue;
        e->targets[i] = false;
        serve(w, i);
    }
}

void round_submit(struct round *r)
{
    struct worker *w = r->home;
    struct engine *e = w->engine;
    int messages = 0;
    if (e->shard_count == 1) {
        run_here(r);
        round_recycle(r);
        return;
    }
    r->pending = 0;
    for (int i = 0; i < e->shard_count; i++) {
        messages += r->hops[i].count > 0;
        r->pending += (r->hops[i].count > 0) + (r->visits[i].count > 0);
    }
    for (struct hold *h = r->holds; h; h = h->next) {
        r->pending++;
        messages += h->part_count;
    }
    e->in_flight++;
    if (r->pending == 0)
        round_done(r);
    else
        send_out(r, messages);
}
