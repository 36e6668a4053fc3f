/* round: from the first call to the last reply. On the home worker, but for what inbox_push makes visible to others. */
#include "kv/engine/engine_internal.h"

#include <assert.h>
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
    if (!r->entries || !r->spans || !r->hops) {
        round_free(r);
        return NULL;
    }
    for (int i = 0; i < shards; i++) {
        r->hops[i].round = r;
        r->hops[i].msg.kind = MESSAGE_HOP;
    }
    return r;
}

void round_free(struct round *r)
{
    for (int i = 0; r->hops && i < r->home->engine->shard_count; i++)
        outbuf_deinit(&r->hops[i].out);
    outbuf_deinit(&r->done);
    arena_deinit(&r->arena);
    free(r->hops);
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
        r->hops[i].count = 0;
        outbuf_reset(&r->hops[i].out);
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

static void push(struct round *r, struct message *m, int shard, bool several)
{
    struct worker *w = r->home;
    m->armed = several ? &r->armed : NULL;
    inbox_push(&w->server->workers[shard]->engine->inbox, m);
    w->engine->to_wake[shard] = true;
    if (shard != w->index)
        counter_add(&w->stats.hops_sent, 1);
}

static void push_all(struct round *r, bool several)
{
    int shards = r->home->engine->shard_count;
    for (int i = 0; i < shards; i++) {
        if (r->hops[i].count)
            push(r, &r->hops[i].msg, i, several);
    }
    for (struct hold *h = r->holds; h; h = h->next) {
        for (int i = 0; i < h->part_count; i++)
            push(r, &h->parts[i].msg, h->shards[i], several);
    }
}

/* Sends hops and holds on their way; their answers come back one message each. */
static void send_out(struct round *r, int messages)
{
    struct server *server = r->home->server;
    bool several = messages > 1;
    r->now_ms = 0;
    /* Arguments point into the input: it must not move until they have been used. */
    for (int i = 0; i < r->span_count; i++)
        evio_conn_pause_read(r->spans[i].session->conn);
    if (several) {
        atomic_store_explicit(&r->armed, false, memory_order_relaxed);
        gate_enter(server->gate);
        r->now_ms = gate_time(server->gate, server_unix_ms());
    }
    push_all(r, several);
    if (several) {
        gate_leave(server->gate);
        atomic_store_explicit(&r->armed, true, memory_order_release);
    }
    engine_wake_marked(r->home);
}

void round_submit(struct round *r)
{
    struct worker *w = r->home;
    struct engine *e = w->engine;
    int messages = 0, hops = 0;
    if (e->shard_count == 1) {
        run_here(r);
        round_recycle(r);
        return;
    }
    for (int i = 0; i < e->shard_count; i++)
        hops += r->hops[i].count > 0;
    r->pending = messages = hops;
    for (struct hold *h = r->holds; h; h = h->next) {
        r->pending++;
        messages += h->part_count;
    }
    e->in_flight++;
    if (messages == 0) {
        round_done(r);
        return;
    }
    /* All of it is for this shard, and nothing stands before it: no need to queue. What has been pushed behind a message that is
     * not linked in yet stands before it too, though peek does not show it: its other parts may have been seen elsewhere. */
    if (messages == 1 && r->hops[w->index].count && !e->lent && inbox_empty(&e->inbox)) {
        run_hop(w, &r->hops[w->index]);
        round_part_back(r);
        return;
    }
    send_out(r, messages);
}
