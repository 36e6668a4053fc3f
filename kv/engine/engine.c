/* engine: the worker's turn. */
#include "kv/engine/engine.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "kv/engine/engine_internal.h"

enum {
    ARMED_SPINS =
        200, /* the pusher stands between its last push and the flag: a few instructions */
    DRAIN_MAX =
        1024, /* messages run in one go, so that a flood of them lets the loop read and write */
    PASSES_MAX = 16, /* over the ready sessions in one turn, then the sockets have their turn */
};

static void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* ---- life ---- */

int engine_start(struct worker *w)
{
    struct engine *e = aligned_alloc(64, (sizeof(*e) + 63) & ~(size_t)63);
    int n = w->server->worker_count;
    if (!e)
        return -ENOMEM;
    memset(e, 0, sizeof(*e));
    w->engine = e;
    inbox_init(&e->inbox);
    inbox_init(&e->back);
    arena_init(&e->scratch);
    e->time.kind = MESSAGE_TIME;
    e->ready_last = &e->ready;
    e->shard_count = n;
    e->output_limit_bytes = (size_t)w->server->config->client_output_high_water;
    e->random = w->server->hash_seed + (uint64_t)w->index * 0x9e3779b97f4a7c15u;
    e->shards = calloc((size_t)n, sizeof(*e->shards));
    e->to_wake = calloc((size_t)n, sizeof(*e->to_wake));
    if (!e->shards || !e->to_wake) {
        engine_stop(w);
        return -ENOMEM;
    }
    return 0;
}

void engine_stop(struct worker *w)
{
    struct engine *e = w->engine;
    if (!e)
        return;
    /* Those that were in a list when their connections closed. */
    while (w->sessions) {
        struct session *s = w->sessions;
        s->conn = NULL;
        s->round = NULL;
        s->listed = false;
        session_free(s);
    }
    round_free_idle(e);
    arena_deinit(&e->scratch);
    free(e->shards);
    free(e->to_wake);
    free(e);
    w->engine = NULL;
}

/* ---- waking ---- */

void engine_wake_marked(struct worker *w)
{
    struct engine *e = w->engine;
    for (int i = 0; i < e->shard_count; i++) {
        if (!e->to_wake[i])
            continue;
        e->to_wake[i] = false;
        if (i != w->index)
            evio_loop_wake(w->server->workers[i]->loop);
    }
}

/* ---- messages ---- */

static void send_back(struct worker *w, struct round *r, struct message *m)
{
    if (r->home == w) {
        round_part_back(r);
        return;
    }
    counter_add(&w->stats.hops_received, 1);
    inbox_push(&r->home->engine->back, m);
    w->engine->to_wake[r->home->index] = true;
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

/* Whether the shard is in the worker's hands; takes it back if it has been given back. */
static bool own_shard(struct worker *w)
{
    struct engine *e = w->engine;
    if (!e->lent)
        return true;
    if (!atomic_load_explicit(&e->given_back, memory_order_acquire))
        return false;
    atomic_store_explicit(&e->given_back, false, memory_order_relaxed);
    e->lent = false;
    shard_hold(w->shard, w);
    return true;
}

static void run_message(struct worker *w, struct message *m)
{
    switch (m->kind) {
    case MESSAGE_HOP: {
        struct hop *h = (struct hop *)m;
        shard_set_now(w->shard, h->round->now_ms);
        run_hop(w, h);
        send_back(w, h->round, m);
        break;
    }
    case MESSAGE_HOLD: {
        struct hold_part *part = (struct hold_part *)m;
        struct round *r = part->hold->round;
        if (hold_arrive(w, part))
            send_back(w, r, m);
        break;
    }
    case MESSAGE_TIME:
        shard_set_now(w->shard, w->engine->time_ms);
        w->engine->time_queued = false;
        break;
    }
}

/* Runs what was sent to this shard, in order, as far as that is possible now: whoever arms a message or gives the shard back
 * wakes the loop. */
static void drain_inbox(struct worker *w)
{
    struct inbox *in = &w->engine->inbox;
    struct message *m;
    for (int n = 0; own_shard(w) && (m = inbox_peek(in)) && is_armed(m); n++) {
        if (n == DRAIN_MAX) {
            evio_loop_wake(w->loop);
            break;
        }
        inbox_pop(in, m);
        run_message(w, m);
    }
    engine_wake_marked(w);
}

/* Takes over the clock's time, as gate.h says: what was pushed before comes first. So where something is left in the inbox, the
 * time queues behind it. */
static void take_time(struct worker *w)
{
    struct engine *e = w->engine;
    struct gate *g = w->server->gate;
    int64_t now_ms = server_unix_ms();
    if (e->shard_count == 1) {
        shard_set_now(w->shard, now_ms);
        return;
    }
    drain_inbox(w);
    if (e->time_queued || (!e->lent && now_ms <= shard_now(w->shard)))
        return;
    gate_enter(g);
    e->time_ms = gate_time(g, now_ms);
    e->time_queued = e->lent || !inbox_empty(&e->inbox);
    if (e->time_queued)
        inbox_push(&e->inbox, &e->time);
    gate_leave(g);
    if (!e->time_queued)
        shard_set_now(w->shard, e->time_ms);
}

static void drain_back(struct worker *w)
{
    struct inbox *back = &w->engine->back;
    struct message *m;
    while ((m = inbox_peek(back))) {
        inbox_pop(back, m);
        round_part_back(m->kind == MESSAGE_HOP ? ((struct hop *)m)->round
                                               : ((struct hold_part *)m)->hold->round);
    }
}

/* ---- sessions ---- */

void engine_session_ready(struct session *s)
{
    struct engine *e = s->worker->engine;
    if (s->listed || s->round || s->closing || s->blocked || s->paused || s->stalled || e->quiet)
        return;
    s->listed = true;
    s->list_next = NULL;
    *e->ready_last = s;
    e->ready_last = &s->list_next;
}

static struct session *ready_pop(struct engine *e)
{
    struct session *s = e->ready;
    e->ready = s->list_next;
    if (!e->ready)
        e->ready_last = &e->ready;
    s->listed = false;
    return s;
}

void engine_hold_up(struct session *s)
{
    struct engine *e = s->worker->engine;
    assert(!s->listed);
    s->listed = true;
    s->list_next = e->held_up;
    e->held_up = s;
}

static void pause_over(struct evio_loop *l, struct evio_timer *t)
{
    (void)t;
    evio_loop_wake(l); /* the turn looks after them */
}

/* Sessions that CLIENT PAUSE has stopped go on when it is over. */
static void release_held_up(struct worker *w)
{
    struct engine *e = w->engine;
    int64_t until = atomic_load_explicit(&w->server->pause_until_ms, memory_order_relaxed);
    int64_t left = until ? until - server_unix_ms() : 0;
    if (left > 0) {
        e->pause_timer.fn = pause_over;
        evio_timer_start(w->loop, &e->pause_timer, left * 1000);
        return;
    }
    evio_timer_stop(&e->pause_timer);
    struct session *s = e->held_up;
    e->held_up = NULL;
    while (s) {
        struct session *next = s->list_next;
        s->listed = s->paused = false;
        if (s->conn)
            engine_session_ready(s);
        else
            session_free(s);
        s = next;
    }
}

void engine_session_closed(struct session *s)
{
    assert(!s->conn);
    if (!s->round && !s->listed)
        session_free(s);
}

/* Whether it may be parsed now; else it is put where it will be looked at again. */
static bool may_parse(struct session *s, struct session **later)
{
    if (!s->conn) {
        session_free(s);
        return false;
    }
    if (s->closing || s->blocked || s->stalled)
        return false;
    if (evio_conn_pending_bytes(s->conn) <= s->worker->engine->output_limit_bytes)
        return true;
    /* Over the limit: perhaps the socket takes it in this turn's write stage, perhaps high_water() comes. */
    s->listed = true;
    s->list_next = *later;
    *later = s;
    return false;
}

static void parse_ready(struct worker *w, struct session **later)
{
    struct engine *e = w->engine;
    while (e->ready) {
        struct round *r = round_begin(w);
        if (!r)
            return; /* out of memory: the sessions stay ready, the next turn tries again */
        while (e->ready && r->entry_count < ROUND_CALLS_MAX) {
            struct session *s = ready_pop(e);
            if (may_parse(s, later))
                round_add_session(r, s);
        }
        round_submit(r);
        if (e->shard_count > 1)
            return;
    }
}

static void stop_reading(struct worker *w)
{
    w->engine->stopping = true;
    for (struct session *s = w->sessions; s; s = s->next) {
        if (s->conn)
            evio_conn_pause_read(s->conn);
    }
}

/* With nothing in flight, sessions end when their replies have left; the last such worker stops the loops. */
static void stop_if_quiet(struct worker *w)
{
    struct engine *e = w->engine;
    struct server *s = w->server;
    if (e->quiet || e->in_flight || e->ready)
        return;
    e->quiet = true;
    for (struct session *c = w->sessions; c; c = c->next) {
        if (c->conn)
            evio_conn_close(c->conn);
    }
    if (atomic_fetch_add(&s->quiet_workers, 1) + 1 == s->worker_count)
        evio_server_stop(s->evio, SERVER_STOP_DEADLINE_MS);
}

void engine_turn(struct worker *w)
{
    struct engine *e = w->engine;
    struct session *later = NULL;
    bool stop = atomic_load_explicit(&w->server->stopping, memory_order_relaxed);
    take_time(w);
    if (stop && !e->stopping)
        stop_reading(w);
    if (e->shard_count > 1)
        drain_back(w);
    for (int pass = 0; e->ready && pass < PASSES_MAX; pass++) {
        parse_ready(w, &later);
        if (e->shard_count > 1) {
            drain_inbox(w);
            drain_back(w);
        }
    }
    while (later) {
        struct session *s = later;
        later = s->list_next;
        s->listed = false;
        engine_session_ready(s);
    }
    if (e->held_up)
        release_held_up(w);
    if (e->ready)
        evio_loop_wake(w->loop);
    if (e->stopping)
        stop_if_quiet(w);
    else
        background_run(w);
}
