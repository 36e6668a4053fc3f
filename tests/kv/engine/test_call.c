/* call: what a handler sees of its keys, over several shards that are all held. */
#include <criterion/criterion.h>

#include "kv/base/hash.h"
#include "kv/engine/route.h"
#include "kv/types/string.h"
#include "tests/kv/engine/rounds.h"
#include "tests/support/inside.h"

enum { LOOPS = 3, NOW_MS = 100000 };

struct setup {
    struct inside in;
    struct worker *w;
    struct cmd_spec spec;
    struct cmd cmd;
    struct outbuf out;
    struct reply reply;
    struct call call;
};

static void begin(struct setup *s, const struct slice *argv, int argc)
{
    memset(s, 0, sizeof(*s));
    inside_init(&s->in, LOOPS, NULL);
    s->w = s->in.server->workers[0];
    s->spec.keys = (struct cmd_keys){ .first = 1, .last = -1, .step = 2 };
    s->cmd.spec = &s->spec;
    for (int i = 0; i < LOOPS; i++) {
        shard_hold(s->w->engine->shards[i], s->w);
        shard_set_now(s->w->engine->shards[i], NOW_MS);
    }
    s->w->engine->now_ms = NOW_MS;
    outbuf_begin(&s->out, &s->reply, 2);
    s->call = (struct call){
        .cmd = &s->cmd,
        .argv = argv,
        .argc = argc,
        .server = s->in.server,
        .worker = s->w,
        .out = &s->reply,
        .hash = hash_bytes(argv[1], s->in.server->hash_seed),
    };
}

static void end(struct setup *s)
{
    for (int i = 0; i < LOOPS; i++)
        shard_release(s->w->engine->shards[i], s->w);
    outbuf_deinit(&s->out);
    inside_stop(&s->in);
}

Test(call, each_key_is_sought_on_its_own_shard)
{
    static const struct slice argv[] = { SLICE("x"), SLICE("a"), SLICE("1"), SLICE("b"), SLICE("2"),
                                         SLICE("c"), SLICE("3"), SLICE("d"), SLICE("4") };
    struct setup s;
    begin(&s, argv, 9);
    uint64_t seed = s.in.server->hash_seed;
    for (int i = 1; i < 9; i += 2) {
        struct edit ed;
        struct key k = call_key(&s.call, i);
        int shard = route_shard(argv[i], k.hash, seed, LOOPS);
        cr_assert_eq(k.hash, hash_bytes(argv[i], seed));
        call_edit(&s.call, i, &ed);
        cr_assert_eq(ed.shard, call_shard(&s.call, shard));
        cr_assert_eq(string_set(&ed, argv[i + 1], EXPIRE_NONE), 0);
        cr_assert_not_null(shard_peek(call_shard(&s.call, shard), 0, &k));
        cr_assert_not_null(call_find(&s.call, i));
        cr_assert_null(call_peek_db(&s.call, 1, i));
    }
    end(&s);
}

Test(call, hashes_that_the_engine_has_made_are_used)
{
    static const struct slice argv[] = { SLICE("x"), SLICE("a"), SLICE("1"), SLICE("b"),
                                         SLICE("2") };
    static const uint64_t hashes[] = { 11, 22 };
    struct setup s;
    begin(&s, argv, 5);
    s.call.hash = 11;
    s.call.hashes = hashes;
    cr_assert_eq(call_key(&s.call, 1).hash, 11);
    cr_assert_eq(call_key(&s.call, 3).hash, 22);
    cr_assert_eq(call_key(&s.call, 2).hash, hash_bytes(argv[2], s.in.server->hash_seed), "no key");
    end(&s);
}

Test(call, no_touch_leaves_the_idle_time)
{
    static const struct slice argv[] = { SLICE("x"), SLICE("a"), SLICE("v") };
    struct setup s;
    struct edit ed;
    begin(&s, argv, 3);
    call_edit(&s.call, 1, &ed);
    cr_assert_eq(string_set(&ed, argv[2], EXPIRE_NONE), 0);
    int64_t later_ms = NOW_MS + 60000;
    for (int i = 0; i < LOOPS; i++)
        shard_set_now(call_shard(&s.call, i), later_ms);
    s.call.no_touch = true;
    cr_assert_eq(entry_idle_s(call_find(&s.call, 1), later_ms), 60);
    s.call.no_touch = false;
    cr_assert_eq(entry_idle_s(call_find(&s.call, 1), later_ms), 0);
    end(&s);
}

Test(call, what_is_no_integer_is_refused)
{
    static const struct slice argv[] = { SLICE("x"), SLICE("-12"), SLICE("1x") };
    struct setup s;
    int64_t n = 0;
    begin(&s, argv, 3);
    cr_assert(call_int64(&s.call, 1, &n));
    cr_assert_eq(n, -12);
    cr_assert_eq(s.reply.error_count, 0);
    cr_assert_not(call_int64(&s.call, 2, &n));
    cr_assert_eq(s.reply.error_count, 1);
    cr_assert_neq(call_random(&s.call), call_random(&s.call));
    cr_assert_eq(call_now_ms(&s.call), NOW_MS);
    end(&s);
}
