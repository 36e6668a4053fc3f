/* round: from submit to the last message's return, on a server whose loops do not run: the test turns them by hand. */
#include <criterion/criterion.h>

#include "tests/kv/engine/rounds.h"
#include "tests/support/inside.h"

enum { LOOPS = 3 };

struct seen {
    int runs;
    struct worker *by;
};

static void note(struct call *c)
{
    struct seen *s = call_arg(c);
    s->runs++;
    s->by = c->worker;
    reply_ok(c->out);
}

static const struct cmd_spec note_spec = { .name = "note", .handler = note };
static const struct cmd note_cmd = { .spec = &note_spec };

Test(round, what_nobody_is_at_runs_at_once)
{
    struct inside in;
    struct seen a = { 0 }, b = { 0 }, c = { 0 };
    const int two[] = { 0, 1 };
    inside_init(&in, LOOPS, NULL);
    struct worker *w = in.server->workers[0];
    struct round *r = round_begin(w);
    rounds_hop(r, &note_cmd, &a, 0);
    rounds_hop(r, &note_cmd, &b, 2);
    rounds_hold(r, &note_cmd, &c, two, 2);
    round_submit(r);
    cr_assert_eq(a.runs, 1);
    cr_assert_eq(b.runs, 1);
    cr_assert_eq(c.runs, 1);
    cr_assert_eq(b.by, w, "on the thread of whoever sent it");
    cr_assert_eq(w->engine->in_flight, 0);
    cr_assert_eq(counter_get(&w->stats.hops_sent), 2,
                 "what crossed: to shard 2, and a hold's part");
    cr_assert_eq(round_begin(w), r, "kept for the next");
    cr_assert_null(r->holds);
    cr_assert_eq(r->hops[0].count + r->hops[2].count, 0);
    cr_assert_eq(r->entry_count + r->span_count, 0);
    round_free(r);
    inside_stop(&in);
}

Test(round, what_somebody_is_at_comes_home_later)
{
    struct inside in;
    struct seen seen = { 0 };
    inside_init(&in, LOOPS, NULL);
    struct worker *w = in.server->workers[0], *other = in.server->workers[1];
    struct lane *lane = &other->engine->lane;
    cr_assert(lane_take(lane)); /* as if `other` were inside */
    struct round *r = round_begin(w);
    rounds_hop(r, &note_cmd, &seen, 1);
    round_submit(r);
    cr_assert_eq(seen.runs, 0);
    cr_assert_eq(w->engine->in_flight, 1);
    cr_assert_not(lane_leave(lane), "it was called");
    cr_assert(lane_leave(lane));
    engine_turn(other);
    cr_assert_eq(seen.runs, 1);
    cr_assert_eq(seen.by, other);
    cr_assert_eq(w->engine->in_flight, 1, "it has not come home yet");
    engine_turn(w);
    cr_assert_eq(w->engine->in_flight, 0);
    inside_stop(&in);
}

Test(round, a_hold_waits_for_all_its_shards)
{
    struct inside in;
    struct seen hold = { 0 }, behind = { 0 };
    const int two[] = { 0, 1 };
    inside_init(&in, LOOPS, NULL);
    struct worker *w = in.server->workers[0], *other = in.server->workers[1];
    cr_assert(lane_take(&other->engine->lane));
    struct round *r = round_begin(w), *next = round_begin(w);
    rounds_hold(r, &note_cmd, &hold, two, 2);
    round_submit(r);
    rounds_hop(next, &note_cmd, &behind, 0);
    round_submit(next);
    cr_assert_eq(hold.runs, 0);
    cr_assert_eq(behind.runs, 0, "shard 0 is lent");
    cr_assert_not(lane_leave(&other->engine->lane));
    cr_assert(lane_leave(&other->engine->lane));
    serve(other, 1);
    cr_assert_eq(hold.runs, 1);
    cr_assert_eq(hold.by, other);
    cr_assert_eq(behind.runs, 1, "whoever ran the hold serves the lanes that waited");
    engine_turn(w);
    cr_assert_eq(w->engine->in_flight, 0);
    inside_stop(&in);
}

Test(round, visits_run_on_their_own_loop_only)
{
    struct inside in;
    struct seen seen[LOOPS];
    memset(seen, 0, sizeof(seen));
    inside_init(&in, LOOPS, NULL);
    struct worker *w = in.server->workers[0];
    struct round *r = round_begin(w);
    for (int i = 0; i < LOOPS; i++)
        rounds_visit(r, &note_cmd, &seen[i], i);
    round_submit(r);
    cr_assert_eq(seen[0].runs, 1);
    cr_assert_eq(seen[1].runs + seen[2].runs, 0);
    engine_turn(in.server->workers[2]);
    engine_turn(w);
    cr_assert_eq(w->engine->in_flight, 1, "one is still out");
    engine_turn(in.server->workers[1]);
    for (int i = 0; i < LOOPS; i++)
        cr_assert_eq(seen[i].by, in.server->workers[i]);
    engine_turn(w);
    cr_assert_eq(w->engine->in_flight, 0);
    inside_stop(&in);
}

Test(round, only_so_many_are_kept)
{
    struct inside in;
    struct round *all[ROUNDS_KEEP + 3];
    inside_init(&in, LOOPS, NULL);
    struct worker *w = in.server->workers[0];
    for (int i = 0; i < ROUNDS_KEEP + 3; i++)
        all[i] = round_begin(w);
    for (int i = 0; i < ROUNDS_KEEP + 3; i++)
        round_submit(all[i]); /* empty: over at once */
    cr_assert_eq(w->engine->idle_round_count, ROUNDS_KEEP);
    cr_assert_eq(w->engine->in_flight, 0);
    round_free_idle(w->engine);
    cr_assert_eq(w->engine->idle_round_count, 0);
    inside_stop(&in);
}
