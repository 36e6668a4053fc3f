/* engine: the worker's turn. */
#include "kv/engine/engine.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "kv/engine/engine_internal.h"

enum {
    PASSES_MAX = 16, /* over the ready sessions in one turn, then the sockets have their turn */
};

/* ---- life ---- */

/* Not derived from the hash seed: what clients see of it must tell nothing about that. */
static uint64_t random_seed(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        seed = (uint64_t)(uintptr_t)&seed ^ (uint64_t)server_unix_ms();
    return seed;
}

int engine_start(struct worker *w)
{
    struct engine *e = aligned_alloc(64, (sizeof(*e) + 63) & ~(size_t)63);
    int n = w->server->worker_count;
    if (!e)
        return -ENOMEM;
    memset(e, 0, sizeof(*e));
    w->engine = e;
    lane_init(&e->lane);
    inbox_init(&e->back);
    arena_init(&e->scratch);
    e->ready_last = &e->ready;
    e->shard_count = n;
    e->output_limit_bytes = (size_t)w->server->config->client_output_high_water;
    e->random = random_seed();
    e->shards = calloc((size_t)n, sizeof(*e->shards));
    e->lanes = calloc((size_t)n, sizeof(*e->lanes));
    e->held = calloc((size_t)n, sizeof(*e->held));
    e->to_wake = calloc((size_t)n, sizeof(*e->to_wake));
    e->targets = calloc((size_t)n, sizeof(*e->targets));
    if (!e->shards || !e->lanes || !e->held || !e->to_wake || !e->targets) {
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
    free(e->lanes);
    free(e->held);
    free(e->to_wake);
    free(e->targets);
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
        evio_loop_wake(w->server->workers[i]->loop);
    }
}

/* ---- messages ---- */

static void drain_back(struct worker *w)
{
    struct inbox *back = &w->engine->back;
    struct message *m;
    while ((m = inbox_peek(back))) {
        inbox_pop(back, m);
        if (m->kind == MESSAGE_HOLD)
            round_part_back(((struct hold_part *)m)->hold->round);
        else if (m->kind == MESSAGE_VISIT && ((struct hop *)m)->round->home != w)
            serve_visit(w, (struct hop *)m);
        else
            round_part_back(((struct hop *)m)->round);
    }
}

/* As gate.h says. */
static void take_time(struct worker *w)
{
    struct engine *e = w->engine;
    struct gate *g = w->server->gate;
    int64_t now_ms = server_unix_ms();
    if (now_ms <= e->clock_ms)
        return;
    if (e->shard_count > 1) {
        gate_enter(g);
        now_ms = gate_time(g, server_unix_ms());
        gate_leave(g);
    } else {
        shard_set_now(w->shard, now_ms);
    }
    e->clock_ms = now_ms;
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
    counter_add(&s->worker->stats.blocked_clients, 1);
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
        counter_add(&w->stats.blocked_clients, (uint64_t)-1);
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
    if (e->shard_count > 1) {
        drain_back(w);
        serve(w, w->index);
    } else {
        background_look(w, w->index);
    }
    for (int pass = 0; e->ready && pass < PASSES_MAX; pass++) {
        parse_ready(w, &later);
        if (e->shard_count > 1)
            drain_back(w);
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
    engine_wake_marked(w);
    if (e->stopping)
        stop_if_quiet(w);
}
