/* The judge is judged: the linearizability checker on histories known to be good and known to be
 * bad. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/support/lin.h"
#include "tests/support/proc.h"
#include "tests/support/rng.h"

static bool check(struct lin_client *clients, int count, const char *hint)
{
    struct bytes why = { 0 };
    bool good = lin_check(clients, count, &why);
    if (!good)
        cr_assert(strstr(why.ptr, hint), "the explanation lacks \"%s\":\n%s", hint, why.ptr);
    bytes_free(&why);
    return good;
}

Test(lin, a_read_may_overlap_a_write_either_way)
{
    struct lin_op set = { .kind = LIN_SET,
                          .key_count = 1,
                          .arg = { 7 },
                          .reply = { 1 },
                          .call_ns = 10,
                          .return_ns = 30 };
    struct lin_op get = {
        .kind = LIN_GET, .key_count = 1, .reply = { 7 }, .call_ns = 20, .return_ns = 25
    };
    struct lin_client clients[] = { { &set, 1 }, { &get, 1 } };
    cr_assert(check(clients, 2, ""));
    get.reply[0] = LIN_NIL;
    cr_assert(check(clients, 2, ""));
    get.reply[0] = 8;
    cr_assert_not(check(clients, 2, "GET k0 -> 8"));
}

Test(lin, a_read_after_a_write_sees_it)
{
    struct lin_op set = { .kind = LIN_SET,
                          .key_count = 1,
                          .arg = { 7 },
                          .reply = { 1 },
                          .call_ns = 10,
                          .return_ns = 30 };
    struct lin_op get = {
        .kind = LIN_GET, .key_count = 1, .reply = { LIN_NIL }, .call_ns = 31, .return_ns = 40
    };
    struct lin_client clients[] = { { &set, 1 }, { &get, 1 } };
    cr_assert_not(check(clients, 2, "GET k0 -> nil"));
}

Test(lin, two_reads_may_not_go_back)
{
    struct lin_op set = { .kind = LIN_SET,
                          .key_count = 1,
                          .arg = { 7 },
                          .reply = { 1 },
                          .call_ns = 10,
                          .return_ns = 100 };
    struct lin_op get[2] = {
        { .kind = LIN_GET, .key_count = 1, .reply = { 7 }, .call_ns = 20, .return_ns = 30 },
        { .kind = LIN_GET, .key_count = 1, .reply = { LIN_NIL }, .call_ns = 40, .return_ns = 50 }
    };
    struct lin_client one_reader[] = { { &set, 1 }, { get, 2 } };
    struct lin_client two_readers[] = { { &set, 1 }, { &get[0], 1 }, { &get[1], 1 } };
    cr_assert_not(check(one_reader, 2, "GET"));
    cr_assert_not(check(two_readers, 3, "GET"));
}

Test(lin, a_pipeline_keeps_its_order)
{
    /* Both pairs overlap in time; only the order in which each client sent them speaks against
     * it. */
    struct lin_op write[2] = { { .kind = LIN_SET,
                                 .key_count = 1,
                                 .key = { 0 },
                                 .arg = { 1 },
                                 .reply = { 1 },
                                 .call_ns = 0,
                                 .return_ns = 100 },
                               { .kind = LIN_SET,
                                 .key_count = 1,
                                 .key = { 1 },
                                 .arg = { 1 },
                                 .reply = { 1 },
                                 .call_ns = 0,
                                 .return_ns = 100 } };
    struct lin_op read[2] = { { .kind = LIN_GET,
                                .key_count = 1,
                                .key = { 1 },
                                .reply = { 1 },
                                .call_ns = 0,
                                .return_ns = 100 },
                              { .kind = LIN_GET,
                                .key_count = 1,
                                .key = { 0 },
                                .reply = { LIN_NIL },
                                .call_ns = 0,
                                .return_ns = 100 } };
    struct lin_client clients[] = { { write, 2 }, { read, 2 } };
    cr_assert_not(check(clients, 2, "k0"));
    read[1].reply[0] = 1;
    cr_assert(check(clients, 2, ""));
}

Test(lin, a_torn_mset_is_seen)
{
    struct lin_op mset = { .kind = LIN_MSET,
                           .key_count = 2,
                           .key = { 0, 1 },
                           .arg = { 5, 5 },
                           .reply = { 1 },
                           .call_ns = 0,
                           .return_ns = 100 };
    struct lin_op mget = { .kind = LIN_MGET,
                           .key_count = 2,
                           .key = { 1, 0 },
                           .reply = { 5, LIN_NIL },
                           .call_ns = 10,
                           .return_ns = 90 };
    struct lin_client clients[] = { { &mset, 1 }, { &mget, 1 } };
    cr_assert_not(check(clients, 2, "MGET k1 k0 -> 5 nil"));
    mget.reply[1] = 5;
    cr_assert(check(clients, 2, ""));
}

/* Random operations run by the model itself in a random order, with calls and returns spread
 * around the instant at which they took effect: linearizable by construction. Then one reply is
 * changed. */
struct world {
    struct lin_client client[4];
    struct lin_op op[4][50];
};

static void make_history(struct world *w, struct rng *r)
{
    int64_t state[LIN_KEYS_MAX], now = 1000;
    for (int i = 0; i < LIN_KEYS_MAX; i++)
        state[i] = LIN_NIL;
    memset(w, 0, sizeof(*w));
    for (int i = 0; i < 4; i++)
        w->client[i].op = w->op[i];
    for (int turn = 0; turn < 200; turn++, now += 10) {
        struct lin_client *c = &w->client[turn % 4];
        struct lin_op *op = &c->op[c->count++];
        op->kind = (uint8_t)rng_below(r, LIN_KINDS);
        op->key[0] = (uint8_t)rng_below(r, 3);
        op->key[1] = (uint8_t)((op->key[0] + 1 + rng_below(r, 2)) % 3);
        bool one = op->kind <= LIN_GETDEL, none = op->kind >= LIN_FLUSH;
        op->key_count = none ? 0 : one ? 1 : 2;
        op->arg[0] = turn * 10;
        op->arg[1] = turn * 10 + 5;
        lin_apply(op, state);
        op->call_ns = now - (int64_t)rng_below(r, 15);
        op->return_ns = now + (int64_t)rng_below(r, 15);
    }
}

Test(lin, random_histories)
{
    struct rng r;
    rng_init(&r, test_seed());
    int refused = 0, changed = 0;
    for (int round = 0; round < 200; round++) {
        struct world w;
        make_history(&w, &r);
        struct bytes why = { 0 };
        cr_assert(lin_check(w.client, 4, &why), "%s", why.ptr);
        struct lin_op *op = &w.op[rng_below(&r, 4)][rng_below(&r, 50)];
        if (op->kind != LIN_GET && op->kind != LIN_INCR)
            continue;
        op->reply[0] = 999999;
        changed++;
        refused += !lin_check(w.client, 4, NULL);
    }
    cr_assert_gt(changed, 0);
    cr_assert_eq(refused, changed, "%d of %d falsified histories were refused", refused, changed);
}
