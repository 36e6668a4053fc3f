/* background: keys that are due and databases that were emptied go away without being asked for, on the shard's own loop only. */
#include <criterion/criterion.h>

#include "kv/base/hash.h"
#include "kv/types/string.h"
#include "tests/kv/engine/rounds.h"
#include "tests/support/inside.h"

enum { KEYS = 100, MANY = 2500 };

static void put(struct worker *w, int shard, int number, int64_t at_ms)
{
    struct edit ed;
    char name[16];
    struct key k = { .name = slice_of(name, (size_t)snprintf(name, sizeof(name), "k%d", number)) };
    k.hash = hash_bytes(k.name, w->server->hash_seed);
    shard_edit(w->engine->shards[shard], 0, &k, &ed);
    cr_assert_eq(string_set(&ed, SLICE("v"), at_ms), 0);
}

static void fill(struct worker *w, int shard, int count, int64_t at_ms)
{
    shard_set_now(w->engine->shards[shard], 1000);
    for (int i = 0; i < count; i++)
        put(w, shard, i, at_ms);
}

Test(background, due_keys_go_on_their_own_loop)
{
    struct inside in;
    inside_init(&in, 2, NULL);
    struct worker *w = in.server->workers[0], *other = in.server->workers[1];
    struct shard *s = w->shard;
    background_init(w);
    shard_hold(s, other);
    fill(other, 0, KEYS, 2000);
    background_look(other, 0);
    cr_assert_eq(shard_count(s, 0), KEYS, "not by others");
    cr_assert(other->engine->to_wake[0], "they ask its loop to plan");
    shard_release(s, other);
    shard_hold(s, w);
    w->engine->clock_ms = 1999;
    background_look(w, 0);
    cr_assert_eq(shard_count(s, 0), KEYS, "not due");
    cr_assert(w->engine->lane.due_ms > 0 && w->engine->lane.due_ms <= 2000, "planned in time");
    w->engine->background_fired = true;
    w->engine->clock_ms = 2000;
    background_look(w, 0);
    cr_assert_eq(shard_count(s, 0), 0);
    cr_assert_not(w->engine->background_fired);
    shard_release(s, w);
    inside_stop(&in);
}

Test(background, what_is_planned_already_wakes_nobody)
{
    struct inside in;
    inside_init(&in, 2, NULL);
    struct worker *other = in.server->workers[1];
    struct shard *s = in.server->workers[0]->shard;
    shard_hold(s, other);
    background_look(other, 0);
    cr_assert_not(other->engine->to_wake[0], "nothing to do");
    fill(other, 0, KEYS, 500000);
    other->engine->lanes[0]->due_ms = 1001;
    background_look(other, 0);
    cr_assert_not(other->engine->to_wake[0], "its loop looks before that");
    shard_flush(s, 0);
    background_look(other, 0);
    cr_assert(other->engine->to_wake[0], "somebody has to free them");
    shard_release(s, other);
    inside_stop(&in);
}

Test(background, time_stays_behind_what_was_pushed_before_it)
{
    struct inside in;
    inside_init(&in, 2, NULL);
    struct worker *w = in.server->workers[0];
    struct message m = { .kind = MESSAGE_HOP };
    background_init(w);
    shard_hold(w->shard, w);
    shard_set_now(w->shard, 1000);
    w->engine->clock_ms = 3000;
    inbox_push(&w->engine->lane.inbox, &m);
    background_look(w, 0);
    cr_assert_eq(shard_now(w->shard), 1000);
    cr_assert_eq(inbox_peek(&w->engine->lane.inbox), &m);
    inbox_pop(&w->engine->lane.inbox, &m);
    background_look(w, 0);
    cr_assert_eq(shard_now(w->shard), 3000);
    shard_release(w->shard, w);
    inside_stop(&in);
}

Test(background, emptied_databases_are_freed_in_slices)
{
    struct inside in;
    inside_init(&in, 2, NULL);
    struct worker *w = in.server->workers[0];
    background_init(w);
    shard_hold(w->shard, w);
    fill(w, 0, MANY, EXPIRE_NONE);
    shard_flush(w->shard, 0);
    const _Atomic uint64_t *left = &shard_stats(w->shard)->lazyfree_pending;
    cr_assert_eq(atomic_load(left), MANY);
    background_look(w, 0);
    cr_assert(atomic_load(left) > 0 && atomic_load(left) < MANY, "a slice of it");
    for (int i = 0; i < MANY && atomic_load(left) > 0; i++)
        background_look(w, 0);
    cr_assert_eq(atomic_load(left), 0);
    shard_release(w->shard, w);
    inside_stop(&in);
}

Test(background, expiry_can_be_turned_off)
{
    struct inside in;
    inside_init(&in, 2, NULL);
    struct worker *w = in.server->workers[0];
    background_init(w);
    atomic_store(&in.server->active_expire, false);
    shard_hold(w->shard, w);
    fill(w, 0, KEYS, 2000);
    w->engine->clock_ms = 9000;
    background_look(w, 0);
    cr_assert_eq(shard_count(w->shard, 0), KEYS);
    shard_release(w->shard, w);
    inside_stop(&in);
}
