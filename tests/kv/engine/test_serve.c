/* serve: what was sent is run once, in order, by one at a time, whoever comes. The storm has every worker's thread send hops
 * and holds to every shard; what a shard guards is no atomic, so that the ThreadSanitizer build sees two inside. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>

#include "tests/kv/engine/rounds.h"
#include "tests/support/inside.h"
#include "tests/support/rng.h"

enum { LOOPS = 4, ROUNDS = 3000, IN_ONE_GO = 1024, BUDGET_ROUNDS = IN_ONE_GO + 10 };

static void count_up(struct call *c)
{
    ++*(int *)call_arg(c);
    reply_ok(c->out);
}

static const struct cmd_spec count_spec = { .name = "count", .handler = count_up };
static const struct cmd count_cmd = { .spec = &count_spec };

Test(serve, what_is_not_armed_stays_and_so_does_what_is_behind_it)
{
    struct inside in;
    int runs = 0;
    inside_init(&in, 2, NULL);
    struct worker *w = in.server->workers[0];
    struct round *r = round_begin(w), *next = round_begin(w);
    rounds_hop(r, &count_cmd, &runs, 1);
    r->pending = 1;
    w->engine->in_flight++;
    r->hops[1].msg.armed = &r->armed;
    atomic_store(&r->armed, false);
    inbox_push(&w->engine->lanes[1]->inbox, &r->hops[1].msg);
    rounds_hop(next, &count_cmd, &runs, 1);
    round_submit(next);
    cr_assert_eq(runs, 0);
    atomic_store(&r->armed, true);
    serve(w, 1);
    cr_assert_eq(runs, 2);
    cr_assert_eq(w->engine->in_flight, 0);
    inside_stop(&in);
}

Test(serve, a_long_queue_is_left_to_the_loop_whose_shard_it_is)
{
    struct inside in;
    int runs = 0;
    inside_init(&in, 2, NULL);
    struct worker *w = in.server->workers[0], *other = in.server->workers[1];
    struct lane *lane = &other->engine->lane;
    cr_assert(lane_take(lane));
    for (int i = 0; i < BUDGET_ROUNDS; i++) {
        struct round *r = round_begin(w);
        rounds_hop(r, &count_cmd, &runs, 1);
        round_submit(r);
    }
    while (!lane_leave(lane))
        continue;
    serve(w, 1);
    cr_assert_eq(runs, IN_ONE_GO);
    cr_assert(w->engine->to_wake[1]);
    cr_assert(lane_take(lane), "it is free for that loop");
    cr_assert(lane_leave(lane));
    engine_turn(other);
    cr_assert_eq(runs, BUDGET_ROUNDS);
    engine_turn(w);
    cr_assert_eq(w->engine->in_flight, 0);
    inside_stop(&in);
}

struct storm {
    struct inside in;
    int at_shard[LOOPS], last_seen[LOOPS][LOOPS]; /* guarded by the shards */
    _Atomic int working;
    _Atomic bool disorder;
};

struct sender {
    pthread_t thread;
    struct storm *storm;
    struct worker *w;
    int sent[LOOPS]; /* to each shard */
    struct rng rng;
};

/* What one call carries: to which shards, and its number there among those of its sender. */
struct load {
    struct storm *storm;
    int from, shards[LOOPS], number[LOOPS], count;
};

static void land(struct call *c)
{
    const struct load *l = call_arg(c);
    for (int i = 0; i < l->count; i++) {
        int shard = l->shards[i];
        if (l->storm->last_seen[shard][l->from] + 1 != l->number[i])
            l->storm->disorder = true;
        l->storm->last_seen[shard][l->from] = l->number[i];
        l->storm->at_shard[shard]++;
    }
    reply_ok(c->out);
}

static const struct cmd_spec land_spec = { .name = "land", .handler = land };
static const struct cmd land_cmd = { .spec = &land_spec };

static struct load *load_new(struct sender *s, struct round *r, const int *shards, int count)
{
    struct load *l = arena_alloc(&r->arena, sizeof(*l));
    cr_assert_not_null(l);
    *l = (struct load){ .storm = s->storm, .from = s->w->index, .count = count };
    for (int i = 0; i < count; i++) {
        l->shards[i] = shards[i];
        l->number[i] = ++s->sent[shards[i]];
    }
    return l;
}

/* Hops before holds: in that order they are pushed. */
static void send_round(struct sender *s)
{
    struct round *r = round_begin(s->w);
    cr_assert_not_null(r);
    for (int n = (int)rng_below(&s->rng, 4), i = 0; i < n; i++) {
        int shard = (int)rng_below(&s->rng, LOOPS);
        rounds_hop(r, &land_cmd, load_new(s, r, &shard, 1), shard);
    }
    for (int n = (int)rng_below(&s->rng, 3), i = 0; i < n; i++) {
        int some[LOOPS], count = 0;
        for (int shard = 0; shard < LOOPS; shard++) {
            if (rng_below(&s->rng, 2))
                some[count++] = shard;
        }
        if (count > 1)
            rounds_hold(r, &land_cmd, load_new(s, r, some, count), some, count);
    }
    round_submit(r);
}

static void *send_all(void *arg)
{
    struct sender *s = arg;
    for (int i = 0; i < ROUNDS; i++) {
        send_round(s);
        if (rng_below(&s->rng, 3) == 0)
            engine_turn(s->w);
    }
    /* Until nobody sends any more: others need this loop's turns, to have their messages served. */
    bool finished = false;
    while (atomic_load(&s->storm->working) > 0) {
        engine_turn(s->w);
        if (!finished && s->w->engine->in_flight == 0) {
            finished = true;
            atomic_fetch_sub(&s->storm->working, 1);
        }
        sched_yield();
    }
    return NULL;
}

Test(serve, storm)
{
    struct storm *storm = calloc(1, sizeof(*storm));
    struct sender s[LOOPS];
    inside_init(&storm->in, LOOPS, NULL);
    atomic_store(&storm->working, LOOPS);
    memset(s, 0, sizeof(s));
    for (int i = 0; i < LOOPS; i++) {
        s[i].storm = storm;
        s[i].w = storm->in.server->workers[i];
        rng_init(&s[i].rng, 4711 + (uint64_t)i);
    }
    for (int i = 0; i < LOOPS; i++)
        cr_assert_eq(pthread_create(&s[i].thread, NULL, send_all, &s[i]), 0);
    for (int i = 0; i < LOOPS; i++)
        pthread_join(s[i].thread, NULL);
    cr_assert_not(storm->disorder, "what one sends to a shard arrives in that order, and once");
    for (int shard = 0; shard < LOOPS; shard++) {
        int sent = 0;
        for (int i = 0; i < LOOPS; i++)
            sent += s[i].sent[shard];
        cr_assert_eq(storm->at_shard[shard], sent);
        cr_assert(lane_take(storm->in.server->workers[0]->engine->lanes[shard]), "left free");
        cr_assert(lane_leave(storm->in.server->workers[0]->engine->lanes[shard]));
    }
    inside_stop(&storm->in);
    free(storm);
}
