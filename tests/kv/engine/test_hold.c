/* hold: who brings the last shard runs the call, with all of them in its hands, once. */
#include <criterion/criterion.h>

#include "tests/kv/engine/rounds.h"
#include "tests/support/inside.h"

enum { LOOPS = 4 };

struct seen {
    int runs;
    int64_t now_ms, shard_now_ms[LOOPS];
    struct worker *by;
};

static void look(struct call *c)
{
    struct seen *s = call_arg(c);
    s->runs++;
    s->by = c->worker;
    s->now_ms = call_now_ms(c);
    for (int i = 0; i < LOOPS; i++)
        s->shard_now_ms[i] = shard_now(call_shard(c, i));
    reply_ok(c->out);
}

static const struct cmd_spec look_spec = { .name = "look", .handler = look };
static const struct cmd look_cmd = { .spec = &look_spec };

Test(hold, holds_of_a_round_keep_their_order_and_their_shards)
{
    struct inside in;
    inside_init(&in, LOOPS, NULL);
    struct round *r = round_begin(in.server->workers[0]);
    int shards[] = { 1, 3 };
    struct hold *a = rounds_hold(r, &look_cmd, "", shards, 2)->hold;
    shards[0] = 0;
    struct hold *b = rounds_hold(r, &look_cmd, "", shards, 2)->hold;
    cr_assert_eq(r->holds, a);
    cr_assert_eq(a->next, b);
    cr_assert_null(b->next);
    cr_assert_eq(a->shards[0], 1, "a copy of its own");
    cr_assert_eq(b->shards[0], 0);
    cr_assert_eq(b->parts[1].hold, b);
    cr_assert_eq(b->parts[1].msg.kind, MESSAGE_HOLD);
    r->holds = NULL;
    round_free(r);
    inside_stop(&in);
}

Test(hold, the_last_to_come_runs_it)
{
    struct inside in;
    struct seen seen = { 0 };
    inside_init(&in, LOOPS, NULL);
    struct worker *home = in.server->workers[0], *other = in.server->workers[2];
    struct round *r = round_begin(home);
    int shards[] = { 0, 2, 3 };
    struct hold *h = rounds_hold(r, &look_cmd, &seen, shards, 3)->hold;
    r->now_ms = 1000;
    shard_hold(other->engine->shards[2], other);
    cr_assert_not(hold_arrive(other, &h->parts[1]));
    shard_hold(home->engine->shards[3], home);
    cr_assert_not(hold_arrive(home, &h->parts[2]));
    cr_assert_eq(seen.runs, 0, "one shard is missing");
    shard_hold(other->engine->shards[0], other);
    cr_assert(hold_arrive(other, &h->parts[0]));
    cr_assert_eq(seen.runs, 1);
    cr_assert_eq(seen.by, other);
    cr_assert_eq(seen.now_ms, 1000);
    cr_assert_eq(seen.shard_now_ms[0], 1000);
    cr_assert_eq(seen.shard_now_ms[3], 1000);
    cr_assert_neq(seen.shard_now_ms[1], 1000, "none of its shards");
    cr_assert_eq(h->out.len, 5);
    cr_assert_eq(memcmp(h->out.data, "+OK\r\n", 5), 0);
    cr_assert_eq(counter_get(&other->stats.holds), 1);
    /* The lanes of the two others are its to serve; the last shard is still held. */
    cr_assert_eq(other->engine->held_count, 2);
    cr_assert_eq(other->engine->held[0] + other->engine->held[1], 2 + 3);
    shard_release(other->engine->shards[0], other);
    for (int i = 0; i < other->engine->held_count; i++) {
        struct shard *s = other->engine->shards[other->engine->held[i]];
        shard_hold(s, home); /* asserts that nobody holds it */
        shard_release(s, home);
    }
    outbuf_deinit(&h->out);
    r->holds = NULL;
    round_free(r);
    inside_stop(&in);
}
