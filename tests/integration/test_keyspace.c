/* The keyspace as a whole: databases, scanning, and expiry in the background. */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/proc.h"
#include "tests/support/rng.h"
#include "tests/support/wire.h"

Test(keyspace, databases_are_apart)
{
    struct proc *p = proc_start_loops(4);
    struct wire *w = wire_open(p);
    for (int db = 0; db < 16; db++) {
        char line[64];
        snprintf(line, sizeof(line), "SELECT %d", db);
        wire_expect(w, line, "+OK");
        snprintf(line, sizeof(line), "MSET a %d b %d c%d x", db, db, db);
        wire_expect(w, line, "+OK");
        wire_expect(w, "DBSIZE", ":3");
    }
    wire_expect(w, "SELECT 16", "-ERR DB index is out of range");
    wire_expect(w, "SELECT 3", "+OK");
    wire_expect(w, "SWAPDB 3 7", "+OK");
    wire_expect(w, "MGET a b c3 c7", "[\"7\", \"7\", nil, \"x\"]");
    wire_expect(w, "FLUSHDB", "+OK");
    wire_expect(w, "DBSIZE", ":0");
    wire_expect(w, "SELECT 7", "+OK");
    wire_expect(w, "MGET a b c3 c7", "[\"3\", \"3\", \"x\", nil]");
    wire_expect(w, "MOVE c3 3", ":1");
    wire_expect(w, "DBSIZE", ":2");
    wire_expect(w, "COPY a d DB 3", ":1");
    wire_expect(w, "SELECT 3", "+OK");
    wire_expect(w, "MGET c3 d", "[\"x\", \"3\"]");
    struct wire *other = wire_open(p);
    wire_expect(other, "GET a", "\"0\"");
    wire_expect(other, "FLUSHALL", "+OK");
    wire_expect(w, "DBSIZE", ":0");
    wire_expect(other, "DBSIZE", ":0");
    wire_close(other);
    wire_close(w);
    proc_stop(p);
}

static void fill(struct wire *w, const char *prefix, int count, const char *options)
{
    struct bytes b = { 0 };
    for (int i = 0; i < count; i++) {
        struct args a = { 0 };
        char line[128];
        snprintf(line, sizeof(line), "SET %s%d v%d %s", prefix, i, i, options);
        args_split(&a, line);
        args_encode(&a, &b);
        args_free(&a);
    }
    wire_send(w, b.ptr, b.len);
    bytes_free(&b);
    for (int i = 0; i < count; i++)
        wire_expect_reply(w, "+OK");
}

/* Every key that is there all the time is returned at least once, however the table grows and
 * shrinks meanwhile. */
static void scan_whole(int loops)
{
    struct proc *p = proc_start_loops(loops);
    struct wire *w = wire_open(p), *other = wire_open(p);
    int count = test_scaled(5000);
    fill(w, "stay:", count, "");
    char *seen = calloc(1, (size_t)count), cursor[32] = "0", line[128];
    int round = 0;
    do {
        snprintf(line, sizeof(line), "SCAN %s MATCH stay:* COUNT 50", cursor);
        struct value *v = wire_call(w, line);
        cr_assert(v->count == 2 && v->item[0]->text, "%s", line);
        snprintf(cursor, sizeof(cursor), "%s", v->item[0]->text);
        for (size_t i = 0; i < v->item[1]->count; i++)
            seen[atoi(v->item[1]->item[i]->text + 5)] = 1;
        value_free(v);
        if (round % 4 == 0) {
            char prefix[32];
            snprintf(prefix, sizeof(prefix), "come%d:", round);
            fill(other, prefix, round % 8 ? 300 : 50, "");
        }
        if (round % 4 == 2) {
            snprintf(line, sizeof(line), "DEL come%d:1 come%d:2 come%d:3", round - 2, round - 2,
                     round - 2);
            value_free(wire_call(other, line));
        }
        cr_assert_lt(round, count * 20, "the scan does not end");
        round++;
    } while (strcmp(cursor, "0") != 0);
    for (int i = 0; i < count; i++)
        cr_assert(seen[i], "stay:%d was never returned", i);
    free(seen);
    wire_close(other);
    wire_close(w);
    proc_stop(p);
}

Test(keyspace, scan_returns_what_stays_1)
{
    scan_whole(1);
}

Test(keyspace, scan_returns_what_stays_4)
{
    scan_whole(4);
}

Test(keyspace, expiry_is_exact_on_access)
{
    struct proc *p = proc_start_loops(2);
    struct wire *w = wire_open(p);
    wire_expect(w, "DEBUG SET-ACTIVE-EXPIRE 0", "+OK");
    for (int i = 0; i < 20; i++) {
        wire_expect(w, "SET k v PX 5", "+OK");
        /* The server's own clock says when it must be gone: TIME before a GET that still sees it
         * is before that. */
        struct value *t = wire_call(w, "PEXPIRETIME k");
        long long due = t->integer, now = 0;
        value_free(t);
        while (due > 0 && now <= due) {
            wire_send_line(w, "TIME");
            wire_send_line(w, "EXISTS k");
            t = wire_read(w);
            now = atoll(t->item[0]->text) * 1000 + atoll(t->item[1]->text) / 1000;
            struct value *there = wire_read(w);
            cr_assert(now <= due || there->integer == 0, "there %lld ms after its time", now - due);
            value_free(there);
            value_free(t);
        }
        wire_expect(w, "GET k", "nil");
        wire_expect(w, "TTL k", ":-2");
        wire_expect(w, "SET k new NX", "+OK");
    }
    wire_expect(w, "DEBUG SET-ACTIVE-EXPIRE 1", "+OK");
    wire_close(w);
    proc_stop(p);
}

/* Keys that nobody asks for vanish by themselves, with many far ones beside them. */
static void background_expiry(int loops)
{
    struct proc *p = proc_start_loops(loops);
    struct wire *w = wire_open(p), *other = wire_open(p);
    int far = test_scaled(200000), due = test_scaled(100000);
    int64_t start_ns = test_now_ns();
    fill(w, "far:", far, "EX 100000");
    /* Half as many take half as long; they are to be there before their time has come. */
    int64_t ahead_ms = 1000 + (test_now_ns() - start_ns) / 1000000 * 2;
    struct value *now = wire_call(w, "TIME");
    char options[64];
    snprintf(options, sizeof(options), "PXAT %lld",
             atoll(now->item[0]->text) * 1000 + (long long)ahead_ms);
    value_free(now);
    fill(w, "due:", due, options);
    int64_t limit = test_now_ns() + PROC_WAIT_MS * 1000000LL;
    while (wire_integer(w, "DBSIZE") != far) {
        cr_assert_lt(test_now_ns(), limit, "%lld keys are left beside %d",
                     wire_integer(w, "DBSIZE"), far);
        wire_expect(other, "PING", "+PONG");
        poll(NULL, 0, 2);
    }
    wire_expect(w, "EXISTS due:0 due:1 far:0 far:1", ":2");
    /* If the machine stood still meanwhile, some were past their time before they were set. */
    struct value *info = wire_call(w, "INFO stats");
    const char *expired = strstr(info->text, "expired_keys:");
    cr_assert(expired && atoi(expired + 13) > 0 && atoi(expired + 13) <= due, "%s", info->text);
    value_free(info);
    wire_close(other);
    wire_close(w);
    proc_stop(p);
}

Test(keyspace, background_expiry_1)
{
    background_expiry(1);
}

Test(keyspace, background_expiry_4)
{
    background_expiry(4);
}

/* RANDOMKEY reaches every key; KEYS finds each once. */
Test(keyspace, randomkey_and_keys)
{
    struct proc *p = proc_start_loops(4);
    struct wire *w = wire_open(p);
    wire_expect(w, "RANDOMKEY", "nil");
    fill(w, "k", 20, "");
    bool seen[20] = { false };
    int found = 0;
    for (int i = 0; i < 20000 && found < 20; i++) {
        struct value *v = wire_call(w, "RANDOMKEY");
        int n = atoi(v->text + 1);
        cr_assert(n >= 0 && n < 20);
        found += !seen[n];
        seen[n] = true;
        value_free(v);
    }
    cr_assert_eq(found, 20);
    struct value *v = wire_call(w, "KEYS k1?");
    cr_assert_eq(v->count, 10);
    value_free(v);
    wire_close(w);
    proc_stop(p);
}
