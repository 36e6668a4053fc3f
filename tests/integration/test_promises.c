/* The ordering promises as invariants that clients can see: every command is atomic over all its
 * keys, a connection's commands take effect in order also for others, what was acknowledged is
 * there for everybody. On 1, 2, 4 and 8 loops. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/crew.h"

enum {
    KEYS = 8, /* so that they lie on several shards */
    STEPS = 3000,
    DEPTH_MAX = 8,
};

/* Each promise on each number of loops. */
#define PROMISE(name)                                                                              \
    Test(promises, name##_1)                                                                       \
    {                                                                                              \
        name(1);                                                                                   \
    }                                                                                              \
    Test(promises, name##_2)                                                                       \
    {                                                                                              \
        name(2);                                                                                   \
    }                                                                                              \
    Test(promises, name##_4)                                                                       \
    {                                                                                              \
        name(4);                                                                                   \
    }                                                                                              \
    Test(promises, name##_8)                                                                       \
    {                                                                                              \
        name(8);                                                                                   \
    }

static void run_crew(int loops, const char *first_line, void (*const *run)(struct member *),
                     int count, int workers)
{
    struct proc *p = proc_start_loops(loops);
    if (first_line) {
        struct wire *w = wire_open(p);
        value_free(wire_call(w, first_line));
        wire_close(w);
    }
    crew_run(p, NULL, run, count, workers);
    proc_stop(p);
}

static void fail_with(struct member *m, const char *what, const struct value *v)
{
    struct bytes b = { 0 };
    value_print(v, &b);
    crew_fail(m, "%s: %s", what, b.ptr);
    bytes_free(&b);
}

/* MSET k0 n k1 n ... */
static void mset_line(char *line, size_t cap, const char *verb, long n)
{
    size_t len = (size_t)snprintf(line, cap, "%s", verb);
    for (int i = 0; i < KEYS; i++)
        len += (size_t)snprintf(line + len, cap - len, " k%d %ld", i, n);
}

static bool expect_ok(struct member *m, struct value *v)
{
    bool good = !value_is_error(v);
    if (!good)
        fail_with(m, "an error", v);
    value_free(v);
    return good;
}

/* -- MSET against MGET: never a mix ------------------------------------------------------------ */

static void mset_writer(struct member *m)
{
    int steps = test_scaled(STEPS);
    for (int i = 0; i < steps && !crew_stopped(m);) {
        int depth = 1 + (int)rng_below(&m->rng, DEPTH_MAX);
        for (int j = 0; j < depth; j++) {
            char line[256];
            mset_line(line, sizeof(line), "MSET", m->index * 1000000L + i + j);
            wire_send_line(m->wire, line);
        }
        for (int j = 0; j < depth; j++)
            expect_ok(m, wire_read(m->wire));
        i += depth;
    }
    crew_done(m);
}

static bool all_equal(const struct value *v)
{
    for (size_t i = 1; i < v->count; i++) {
        if (!value_equal(v->item[0], v->item[i]))
            return false;
    }
    return v->count == KEYS;
}

static void mget_watcher(struct member *m)
{
    while (!crew_stopped(m)) {
        int depth = 1 + (int)rng_below(&m->rng, 4);
        for (int j = 0; j < depth; j++)
            wire_send_line(m->wire, "MGET k0 k1 k2 k3 k4 k5 k6 k7");
        for (int j = 0; j < depth; j++) {
            struct value *v = wire_read(m->wire);
            if (!all_equal(v))
                fail_with(m, "MGET saw a mix", v);
            value_free(v);
        }
    }
}

static void mset_mget(int loops)
{
    void (*const run[])(struct member *) = { mset_writer, mset_writer, mget_watcher, mget_watcher,
                                             mget_watcher };
    run_crew(loops, NULL, run, 5, 2);
}
PROMISE(mset_mget)

/* -- RENAME against EXISTS and MGET: under exactly one name
 * --------------------------------------- */

static void rename_mover(struct member *m)
{
    int steps = test_scaled(STEPS);
    for (int i = 0; i < steps && !crew_stopped(m); i++)
        expect_ok(m, wire_call(m->wire, i % 2 ? "RENAME there here" : "RENAME here there"));
    crew_done(m);
}

static void rename_watcher(struct member *m)
{
    while (!crew_stopped(m)) {
        wire_send_line(m->wire, "EXISTS here there");
        wire_send_line(m->wire, "MGET here there");
        struct value *exists = wire_read(m->wire), *values = wire_read(m->wire);
        if (exists->integer != 1)
            fail_with(m, "EXISTS of both names", exists);
        if (values->item[0]->null == values->item[1]->null)
            fail_with(m, "MGET of both names", values);
        value_free(exists);
        value_free(values);
    }
}

static void rename_exists(int loops)
{
    void (*const run[])(struct member *) = { rename_mover, rename_watcher, rename_watcher,
                                             rename_watcher };
    run_crew(loops, "SET here x", run, 4, 1);
}
PROMISE(rename_exists)

/* -- pipelined write, then announce
 * ------------------------------------------------------------------ */

/* Up to three writes with their announcements are under way at once. */
static void announce_writer(struct member *m)
{
    int steps = test_scaled(STEPS);
    for (int i = 1; i <= steps && !crew_stopped(m);) {
        int ahead = 1 + (int)rng_below(&m->rng, 3);
        for (int j = 0; j < ahead; j++, i++) {
            char line[64];
            for (int key = 0; key < 3; key++) {
                snprintf(line, sizeof(line), "SET data%d %d", key, i);
                wire_send_line(m->wire, line);
            }
            snprintf(line, sizeof(line), "SET flag %d", i);
            wire_send_line(m->wire, line);
        }
        for (int j = 0; j < 4 * ahead; j++)
            expect_ok(m, wire_read(m->wire));
    }
    crew_done(m);
}

static long long as_number(const struct value *v)
{
    return v->null ? 0 : strtoll(v->text, NULL, 10);
}

static void announce_watcher(struct member *m)
{
    while (!crew_stopped(m)) {
        char line[32];
        snprintf(line, sizeof(line), "GET data%d", (int)rng_below(&m->rng, 3));
        wire_send_line(m->wire, "GET flag");
        bool pipelined = rng_chance(&m->rng, 50);
        if (pipelined)
            wire_send_line(m->wire, line);
        struct value *flag = wire_read(m->wire);
        if (!pipelined)
            wire_send_line(m->wire, line);
        struct value *data = wire_read(m->wire);
        if (as_number(data) < as_number(flag))
            crew_fail(m, "flag %lld was seen, then %s %lld (%s)", as_number(flag), line,
                      as_number(data), pipelined ? "in one pipeline" : "one after the other");
        value_free(flag);
        value_free(data);
    }
}

static void write_announce(int loops)
{
    void (*const run[])(struct member *) = { announce_writer, announce_watcher, announce_watcher,
                                             announce_watcher };
    run_crew(loops, NULL, run, 4, 1);
}
PROMISE(write_announce)

/* -- acknowledged on one connection, there on every other
 * -------------------------------------------- */

static void acknowledged(int loops)
{
    enum { CONNECTIONS = 8 };
    struct proc *p = proc_start_loops(loops);
    struct wire *w[CONNECTIONS];
    struct rng r;
    rng_init(&r, test_seed());
    for (int i = 0; i < CONNECTIONS; i++)
        w[i] = wire_open(p);
    int steps = test_scaled(STEPS);
    for (int i = 0; i < steps; i++) {
        char line[64], want[64];
        int key = (int)rng_below(&r, KEYS);
        struct wire *one = w[rng_below(&r, CONNECTIONS)], *other = w[rng_below(&r, CONNECTIONS)];
        snprintf(line, sizeof(line), "SET k%d %d", key, i);
        wire_expect(one, line, "+OK");
        snprintf(line, sizeof(line), "GET k%d", key);
        snprintf(want, sizeof(want), "\"%d\"", i);
        wire_expect(other, line, want);
        if (i % 3)
            continue;
        snprintf(line, sizeof(line), "DEL k%d none", key);
        wire_expect(other, line, ":1");
        snprintf(line, sizeof(line), "EXISTS none k%d", key);
        wire_expect(one, line, ":0");
    }
    for (int i = 0; i < CONNECTIONS; i++)
        wire_close(w[i]);
    proc_stop(p);
}
PROMISE(acknowledged)

/* -- DEL counts each key once; MSETNX creates all or none
 * ------------------------------------------- */

struct tally {
    atomic_long created, deleted;
};

static void tally_creator(struct member *m)
{
    struct tally *t = m->crew->shared;
    int steps = test_scaled(STEPS);
    for (int i = 0; i < steps && !crew_stopped(m); i++) {
        char line[256];
        mset_line(line, sizeof(line), "MSETNX", i);
        if (wire_integer(m->wire, line) == 1)
            atomic_fetch_add(&t->created, KEYS);
    }
    crew_done(m);
}

static void tally_deleter(struct member *m)
{
    struct tally *t = m->crew->shared;
    while (!crew_stopped(m)) {
        char line[128];
        int from = (int)rng_below(&m->rng, KEYS), count = 1 + (int)rng_below(&m->rng, KEYS);
        size_t len = (size_t)snprintf(line, sizeof(line), m->index % 2 ? "DEL" : "UNLINK");
        for (int i = 0; i < count; i++)
            len += (size_t)snprintf(line + len, sizeof(line) - len, " k%d", (from + i) % KEYS);
        atomic_fetch_add(&t->deleted, wire_integer(m->wire, line));
    }
}

static void deleted_once(int loops)
{
    void (*const run[])(struct member *) = { tally_creator, tally_creator, tally_deleter,
                                             tally_deleter, tally_deleter };
    struct tally t;
    atomic_init(&t.created, 0);
    atomic_init(&t.deleted, 0);
    struct proc *p = proc_start_loops(loops);
    crew_run(p, &t, run, 5, 2);
    struct wire *w = wire_open(p);
    long left = (long)wire_integer(w, "EXISTS k0 k1 k2 k3 k4 k5 k6 k7");
    cr_assert_eq(wire_integer(w, "DBSIZE"), left);
    cr_assert_gt(t.created, 0);
    cr_assert_eq(t.created, t.deleted + left, "%ld keys were created, %ld deleted, %ld are left",
                 (long)t.created, (long)t.deleted, left);
    wire_close(w);
    proc_stop(p);
}
PROMISE(deleted_once)

/* -- MSETNX as a lock over several keys
 * ----------------------------------------------------------------- */

static void lock_taker(struct member *m)
{
    int steps = test_scaled(STEPS / 2);
    for (int i = 0; i < steps && !crew_stopped(m); i++) {
        char line[256];
        int a = (int)rng_below(&m->rng, KEYS),
            b = (a + 1 + (int)rng_below(&m->rng, KEYS - 1)) % KEYS;
        snprintf(line, sizeof(line), "MSETNX k%d me%d k%d me%d", a, m->index, b, m->index);
        if (wire_integer(m->wire, line) == 0)
            continue;
        snprintf(line, sizeof(line), "MGET k%d k%d", a, b);
        struct value *v = wire_call(m->wire, line);
        char me[16];
        snprintf(me, sizeof(me), "me%d", m->index);
        if (!value_text_is(v->item[0], me) || !value_text_is(v->item[1], me))
            fail_with(m, "another client holds what MSETNX gave", v);
        value_free(v);
        snprintf(line, sizeof(line), "DEL k%d k%d", a, b);
        if (wire_integer(m->wire, line) != 2)
            crew_fail(m, "a key that MSETNX made is gone: %s", line);
    }
    crew_done(m);
}

static void msetnx_excludes(int loops)
{
    void (*const run[])(struct member *) = { lock_taker, lock_taker, lock_taker, lock_taker };
    run_crew(loops, NULL, run, 4, 4);
}
PROMISE(msetnx_excludes)

/* -- SWAPDB and FLUSHALL against MGET
 * ------------------------------------------------------------------- */

static void swapper(struct member *m)
{
    char line[256];
    mset_line(line, sizeof(line), "MSET", 1);
    expect_ok(m, wire_call(m->wire, "SELECT 1"));
    expect_ok(m, wire_call(m->wire, line));
    int steps = test_scaled(STEPS);
    for (int i = 0; i < steps && !crew_stopped(m); i++)
        expect_ok(m, wire_call(m->wire, "SWAPDB 0 1"));
    crew_done(m);
}

static void swapdb_mget(int loops)
{
    void (*const run[])(struct member *) = { swapper, mget_watcher, mget_watcher, mget_watcher };
    run_crew(loops, NULL, run, 4, 1);
}
PROMISE(swapdb_mget)

static void flusher(struct member *m)
{
    static const char *const verbs[] = { "FLUSHALL", "FLUSHDB", "FLUSHALL ASYNC", "FLUSHDB SYNC",
                                         "DEL k0 k1 k2 k3 k4 k5 k6 k7" };
    int steps = test_scaled(STEPS);
    for (int i = 0; i < steps && !crew_stopped(m); i++) {
        char line[256];
        mset_line(line, sizeof(line), "MSET", i);
        wire_send_line(m->wire, line);
        wire_send_line(m->wire, verbs[i % 5]);
        expect_ok(m, wire_read(m->wire));
        expect_ok(m, wire_read(m->wire));
    }
    crew_done(m);
}

static void dbsize_watcher(struct member *m)
{
    while (!crew_stopped(m)) {
        long long n = wire_integer(m->wire, "DBSIZE");
        if (n != 0 && n != KEYS)
            crew_fail(m, "DBSIZE saw %lld of %d keys that come and go together", n, KEYS);
    }
}

static void flush_mget(int loops)
{
    void (*const run[])(struct member *) = { flusher, mget_watcher, mget_watcher, dbsize_watcher };
    run_crew(loops, NULL, run, 4, 1);
}
PROMISE(flush_mget)

/* -- INCR: no increment is lost
 * ---------------------------------------------------------------------------- */

static void counter(struct member *m)
{
    int rounds = test_scaled(STEPS / 20);
    for (int i = 0; i < rounds && !crew_stopped(m); i++) {
        for (int j = 0; j < 50; j++) {
            char line[32];
            snprintf(line, sizeof(line), "INCR k%d", j % KEYS);
            wire_send_line(m->wire, line);
        }
        for (int j = 0; j < 50; j++)
            expect_ok(m, wire_read(m->wire));
    }
    crew_done(m);
}

static void incr_total(int loops)
{
    void (*const run[])(struct member *) = { counter, counter, counter, counter };
    struct proc *p = proc_start_loops(loops);
    crew_run(p, NULL, run, 4, 4);
    struct wire *w = wire_open(p);
    struct value *v = wire_call(w, "MGET k0 k1 k2 k3 k4 k5 k6 k7");
    long long sum = 0;
    for (size_t i = 0; i < v->count; i++)
        sum += as_number(v->item[i]);
    cr_assert_eq(sum, 4LL * 50 * test_scaled(STEPS / 20));
    value_free(v);
    wire_close(w);
    proc_stop(p);
}
PROMISE(incr_total)

/* -- expiry: what was seen gone does not come back
 * ------------------------------------------------------------ */

static void expiring_writer(struct member *m)
{
    int steps = test_scaled(STEPS / 4);
    for (int i = 1; i <= steps && !crew_stopped(m); i++) {
        char line[64];
        snprintf(line, sizeof(line), "SET k0 %d PX %d", i, 1 + (int)rng_below(&m->rng, 3));
        expect_ok(m, wire_call(m->wire, line));
        if (i % 4 == 0)
            poll(NULL, 0, 1 + (int)rng_below(&m->rng, 4)); /* let some of them fall due */
    }
    crew_done(m);
}

static void expiring_watcher(struct member *m)
{
    long long last = 0;
    bool gone = false;
    while (!crew_stopped(m)) {
        struct value *v = wire_call(m->wire, "GET k0");
        long long n = as_number(v);
        value_free(v);
        if (n == 0) {
            gone = true;
            continue;
        }
        if (n < last || (n == last && gone))
            crew_fail(m, "value %lld came after %lld%s", n, last, gone ? " had expired" : "");
        gone = false;
        last = n;
    }
}

static void expired_stays_gone(int loops)
{
    void (*const run[])(struct member *) = { expiring_writer, expiring_watcher, expiring_watcher,
                                             expiring_watcher };
    run_crew(loops, NULL, run, 4, 1);
}
PROMISE(expired_stays_gone)

/* Keys with the same moment of expiry are gone together, as seen by one command. */
static void group_writer(struct member *m)
{
    int steps = test_scaled(STEPS / 10);
    for (int i = 1; i <= steps && !crew_stopped(m); i++) {
        struct value *now = wire_call(m->wire, "TIME");
        long long due = as_number(now->item[0]) * 1000 + as_number(now->item[1]) / 1000 + 4;
        value_free(now);
        char line[256];
        mset_line(line, sizeof(line), "MSETEX 8", i);
        size_t len = strlen(line);
        snprintf(line + len, sizeof(line) - len, " PXAT %lld", due);
        expect_ok(m, wire_call(m->wire, line));
        while (!crew_stopped(m) && wire_integer(m->wire, "EXISTS k0") == 1)
            ;
    }
    crew_done(m);
}

static void expire_together(int loops)
{
    if (proc_testing_redis())
        cr_skip_test("redis-server 7.0 has no MSETEX");
    void (*const run[])(struct member *) = { group_writer, mget_watcher, mget_watcher };
    run_crew(loops, NULL, run, 3, 1);
}
PROMISE(expire_together)
