#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "kv/commands/spec.h"
#include "tests/support/fake_call.h"

static struct fake *f;

static void begin(void)
{
    f = fake_new(generic_command_specs(), 1);
    fake_also(f, string_command_specs());
    fake_also(f, keyspace_command_specs());
}

static void end(void)
{
    fake_free(f);
}

TestSuite(generic_commands, .init = begin, .fini = end);

#define RUN(...) fake_run(f, __VA_ARGS__, NULL)
#define EXPECT(reply, ...) cr_expect_str_eq(RUN(__VA_ARGS__), reply)
#define SYNTAX "-ERR syntax error\r\n"
#define NOT_INTEGER "-ERR value is not an integer or out of range\r\n"
#define BAD_DB "-ERR DB index is out of range\r\n"

Test(generic_commands, del_exists_touch_type)
{
    RUN("mset", "a", "1", "b", "2");
    EXPECT(":3\r\n", "exists", "a", "b", "a", "none");
    EXPECT(":2\r\n", "touch", "a", "b", "none");
    EXPECT("+string\r\n", "type", "a");
    EXPECT("+none\r\n", "type", "none");
    EXPECT(":1\r\n", "del", "a", "a", "none");
    EXPECT(":1\r\n", "unlink", "b");
    EXPECT(":0\r\n", "dbsize");
}

Test(generic_commands, expire_and_ttl)
{
    EXPECT(":0\r\n", "expire", "k", "10");
    EXPECT(":-2\r\n", "ttl", "k");
    RUN("set", "k", "v");
    EXPECT(":-1\r\n", "pttl", "k");
    EXPECT(":-1\r\n", "expiretime", "k");
    EXPECT(":1\r\n", "expire", "k", "10");
    fake_sleep(f, 500);
    EXPECT(":10\r\n", "ttl", "k");
    fake_sleep(f, 1);
    EXPECT(":9\r\n", "ttl", "k");
    EXPECT(":9499\r\n", "pttl", "k");
    EXPECT(":1700000010\r\n", "expiretime", "k");
    EXPECT(":1700000010000\r\n", "pexpiretime", "k");
    EXPECT(":1\r\n", "persist", "k");
    EXPECT(":0\r\n", "persist", "k");
    EXPECT(":1\r\n", "pexpireat", "k", "1700000000502");
    EXPECT(":1\r\n", "pttl", "k");
    fake_sleep(f, 1);
    EXPECT(":-2\r\n", "pttl", "k");
}

Test(generic_commands, a_time_in_the_past_deletes)
{
    RUN("mset", "a", "1", "b", "2", "c", "3");
    EXPECT(":1\r\n", "expire", "a", "-1");
    EXPECT(":1\r\n", "expireat", "b", "1700000000");
    EXPECT(":1\r\n", "pexpire", "c", "0");
    EXPECT(":0\r\n", "dbsize");
}

Test(generic_commands, expire_conditions)
{
    RUN("set", "k", "v");
    EXPECT(":0\r\n", "expire", "k", "10", "xx");
    EXPECT(":0\r\n", "expire", "k", "10", "gt");
    EXPECT(":1\r\n", "expire", "k", "10", "lt");
    EXPECT(":0\r\n", "expire", "k", "20", "nx");
    EXPECT(":0\r\n", "expire", "k", "10", "gt");
    EXPECT(":0\r\n", "expire", "k", "10", "lt");
    EXPECT(":1\r\n", "expire", "k", "11", "gt", "xx");
    EXPECT(":11\r\n", "ttl", "k");
    EXPECT("-ERR NX and XX, GT or LT options at the same time are not compatible\r\n", "expire",
           "k", "1", "nx", "lt");
    EXPECT("-ERR GT and LT options at the same time are not compatible\r\n", "expire", "k", "1",
           "gt", "lt");
    EXPECT("-ERR Unsupported option zz\r\n", "expire", "k", "x", "zz");
}

Test(generic_commands, expire_out_of_range)
{
    EXPECT(NOT_INTEGER, "expire", "k", "x");
    EXPECT("-ERR invalid expire time in 'expire' command\r\n", "expire", "k", "9223372036854776");
    EXPECT("-ERR invalid expire time in 'expireat' command\r\n", "expireat", "k",
           "-9223372036854776");
    EXPECT("-ERR invalid expire time in 'pexpire' command\r\n", "pexpire", "k",
           "9223372036854775807");
    EXPECT(":0\r\n", "pexpireat", "k", "9223372036854775807");
}

Test(generic_commands, copy)
{
    RUN("set", "a", "1", "ex", "10");
    EXPECT(":0\r\n", "copy", "none", "b");
    EXPECT(":1\r\n", "copy", "a", "b");
    EXPECT(":10\r\n", "ttl", "b");
    RUN("set", "a", "2");
    EXPECT(":0\r\n", "copy", "a", "b");
    EXPECT(":1\r\n", "copy", "a", "b", "replace");
    EXPECT("$1\r\n2\r\n", "get", "b");
    EXPECT(":-1\r\n", "ttl", "b");
    EXPECT(":1\r\n", "copy", "a", "a", "db", "3");
    EXPECT(":0\r\n", "copy", "a", "a", "db", "3");
    EXPECT("-ERR source and destination objects are the same\r\n", "copy", "a", "a");
    EXPECT(SYNTAX, "copy", "a", "b", "db");
    EXPECT(BAD_DB, "copy", "a", "b", "db", "16");
    EXPECT(NOT_INTEGER, "copy", "a", "b", "db", "x");
    EXPECT("-ERR value is out of range, value must between -2147483648 and 2147483647\r\n", "copy",
           "a", "b", "db", "2147483648");
    fake_db(f, 3);
    EXPECT("$1\r\n2\r\n", "get", "a");
    EXPECT(":1\r\n", "dbsize");
}

Test(generic_commands, move)
{
    RUN("set", "a", "1", "ex", "10");
    EXPECT(":0\r\n", "move", "none", "1");
    EXPECT(":1\r\n", "move", "a", "1");
    EXPECT(":0\r\n", "exists", "a");
    RUN("set", "a", "2");
    EXPECT(":0\r\n", "move", "a", "1");
    EXPECT("-ERR source and destination objects are the same\r\n", "move", "a", "0");
    EXPECT(BAD_DB, "move", "a", "-1");
    EXPECT(SYNTAX, "move", "a", "1", "what");
    fake_db(f, 1);
    EXPECT(":10\r\n", "ttl", "a");
    fake_db(f, 0);
    EXPECT(":1\r\n", "move", "a", "1", "replace");
    EXPECT(":0\r\n", "move", "a", "1", "replace");
    fake_db(f, 1);
    EXPECT("$1\r\n2\r\n", "get", "a");
}

Test(generic_commands, rename)
{
    EXPECT("-ERR no such key\r\n", "rename", "a", "a");
    RUN("set", "a", "1", "ex", "10");
    RUN("set", "b", "2");
    EXPECT("+OK\r\n", "rename", "a", "a");
    EXPECT(":0\r\n", "renamenx", "a", "a");
    EXPECT(":0\r\n", "renamenx", "a", "b");
    EXPECT("+OK\r\n", "rename", "a", "b");
    EXPECT("$1\r\n1\r\n", "get", "b");
    EXPECT(":10\r\n", "ttl", "b");
    EXPECT(":1\r\n", "renamenx", "b", "c");
    EXPECT("-ERR no such key\r\n", "renamenx", "b", "c");
    EXPECT(":1\r\n", "dbsize");
}

/* Names longer and shorter than a key's own length byte can tell. */
Test(generic_commands, rename_to_a_long_name)
{
    char name[400];
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    RUN("set", "k", "123");
    EXPECT("+OK\r\n", "rename", "k", name);
    EXPECT("$3\r\n123\r\n", "get", name);
    EXPECT("+OK\r\n", "rename", name, "k");
    EXPECT("$3\r\n123\r\n", "get", "k");
}

Test(generic_commands, keys_and_randomkey)
{
    EXPECT("*0\r\n", "keys", "*");
    EXPECT("$-1\r\n", "randomkey");
    RUN("set", "one", "1");
    EXPECT("*1\r\n$3\r\none\r\n", "keys", "*");
    EXPECT("$3\r\none\r\n", "randomkey");
    RUN("set", "two", "2", "px", "5");
    EXPECT("*1\r\n$3\r\ntwo\r\n", "keys", "t[a-z]?");
    fake_sleep(f, 5);
    EXPECT("*0\r\n", "keys", "t*");
    EXPECT("$3\r\none\r\n", "randomkey");
}

Test(generic_commands, object)
{
    RUN("set", "n", "12");
    RUN("set", "s", "text");
    EXPECT("$3\r\nint\r\n", "object", "encoding", "n");
    EXPECT("$6\r\nembstr\r\n", "object", "encoding", "s");
    EXPECT("$-1\r\n", "object", "encoding", "none");
    EXPECT(":2147483647\r\n", "object", "refcount", "n");
    EXPECT(":1\r\n", "object", "refcount", "s");
    fake_sleep(f, 3000);
    EXPECT(":3\r\n", "object", "idletime", "s");
    RUN("touch", "s");
    EXPECT(":0\r\n", "object", "idletime", "s");
    cr_expect(strncmp(RUN("object", "freq", "s"), "-ERR An LFU maxmemory policy is not", 35) == 0);
    EXPECT("$-1\r\n", "object", "freq", "none");
    cr_expect(strncmp(RUN("object", "help"), "*15\r\n", 5) == 0);
}

/* ---- SCAN ---- */

/* Walks to the end; counts how often each of k0, k1, ... was seen. */
static int walk(int *seen, int max, const char *pattern, const char *type)
{
    char cursor[32] = "0";
    int calls = 0;
    do {
        const char *p = RUN("scan", cursor, "count", "7", "match", pattern, "type", type);
        cr_assert_eq(sscanf(p, "*2\r\n$%*d\r\n%31[0-9]", cursor), 1);
        cr_assert_lt(strtoull(cursor, NULL, 10), 1ull << 53);
        for (p = strstr(p, "\r\nk"); p; p = strstr(p + 1, "\r\nk")) {
            int i = atoi(p + 3);
            cr_assert(i >= 0 && i < max);
            seen[i]++;
        }
        cr_assert_lt(++calls, 10000);
    } while (strcmp(cursor, "0") != 0);
    return calls;
}

static void check_walk(int shards)
{
    enum { KEYS = 500 };
    int seen[KEYS] = { 0 };
    fake_free(f);
    f = fake_new(generic_command_specs(), shards);
    fake_also(f, string_command_specs());
    for (int i = 0; i < KEYS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "k%d", i);
        RUN("set", name, "v");
    }
    cr_expect_gt(walk(seen, KEYS, "*", "STRING"), 1);
    for (int i = 0; i < KEYS; i++)
        cr_expect_eq(seen[i], 1, "k%d seen %d times", i, seen[i]);
    walk(seen, KEYS, "k1?", "string");
    for (int i = 0; i < KEYS; i++)
        cr_expect_eq(seen[i], i >= 10 && i < 20 ? 2 : 1);
    walk(seen, KEYS, "*", "list");
    cr_expect_eq(seen[0], 1);
}

Test(generic_commands, scan_one_shard)
{
    check_walk(1);
}

Test(generic_commands, scan_many_shards)
{
    check_walk(5);
}

Test(generic_commands, scan_arguments)
{
    EXPECT("*2\r\n$1\r\n0\r\n*0\r\n", "scan", "0");
    EXPECT("*2\r\n$1\r\n0\r\n*0\r\n", "scan", "");
    EXPECT("*2\r\n$1\r\n0\r\n*0\r\n", "scan", "18446744073709551615");
    EXPECT("-ERR invalid cursor\r\n", "scan", "18446744073709551616");
    EXPECT("-ERR invalid cursor\r\n", "scan", "1x");
    EXPECT("-ERR invalid cursor\r\n", "scan", " 1");
    EXPECT(SYNTAX, "scan", "0", "count", "0");
    EXPECT(NOT_INTEGER, "scan", "0", "count", "x");
    EXPECT(SYNTAX, "scan", "0", "count");
    EXPECT(SYNTAX, "scan", "0", "what", "1");
    EXPECT("*2\r\n$1\r\n0\r\n*0\r\n", "scan", "0", "count", "9223372036854775807");
}
