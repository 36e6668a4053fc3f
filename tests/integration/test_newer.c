/* Commands and options newer than the redis-server that the differential test asks: what they
 * reply is written here. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/proc.h"
#include "tests/support/wire.h"

#define NOT_INT "-ERR value is not an integer or out of range"
#define WRONG_ARITY(name) "-ERR wrong number of arguments for '" name "' command"

struct row {
    const char *line, *want;
};

/* Each line in the order given, on an empty server. */
static const struct row set_rows[] = {
    { "SET k v IFEQ v", "nil" },
    { "EXISTS k", ":0" },
    { "SET k v IFNE x", "+OK" },
    { "SET k w IFEQ v", "+OK" },
    { "GET k", "\"w\"" },
    { "SET k x ifeq v", "nil" },
    { "SET k x IFNE w", "nil" },
    { "SET k x IFNE v", "+OK" },
    { "SET k y IFEQ x GET", "\"x\"" },
    { "SET k z IFEQ x GET", "\"y\"" },
    { "GET k", "\"y\"" },
    { "SET none z IFEQ x GET", "nil" },
    { "EXISTS none", ":0" },
    { "SET n 10", "+OK" },
    { "SET n 11 IFEQ 10", "+OK" },
    { "SET n 12 IFEQ 011", "nil" },
    { "SET e \"\"", "+OK" },
    { "SET e 1 IFEQ \"\"", "+OK" },
    { "SET k v IFEQ a IFNE b", "-ERR syntax error" },
    { "SET k v NX IFEQ b", "-ERR syntax error" },
    { "SET k v IFEQ b XX", "-ERR syntax error" },
    { "SET k v IFEQ", "-ERR syntax error" },
    { "SET k v EX 1000", "+OK" },
    { "SET k w IFEQ x EX 5", "nil" },
    { "TTL k", ":1000" },
    { "SET k w IFEQ v KEEPTTL", "+OK" },
    { "TTL k", ":1000" },
    { "SET k w IFEQ w", "+OK" },
    { "TTL k", ":-1" },
    { "SET k w IFEQ w PXAT 4102444800000", "+OK" },
    { "PEXPIRETIME k", ":4102444800000" },
    { "SET d \"Hello world\"", "+OK" },
    { "SET d x IFDEQ b6acb9d84a38ff74", "+OK" },
    { "SET d \"Hello world\" IFDNE b6acb9d84a38ff74", "+OK" },
    { "SET d y IFDNE B6ACB9D84A38FF74", "nil" },
    { "SET d y IFDEQ 123", "-ERR * exactly 16 hexadecimal characters" },
    { "SET fresh y IFDNE 0000000000000000", "+OK" },
    { "SET fresh2 y IFDEQ 0000000000000000", "nil" },
};

static const struct row digest_rows[] = {
    { "DIGEST none", "nil" },
    { "SET k \"Hello world\"", "+OK" },
    { "DIGEST k", "\"b6acb9d84a38ff74\"" },
    { "DIGEST k x", WRONG_ARITY("digest") },
    { "SET k \"\"", "+OK" },
    { "DIGEST k", "\"2d06800538d394c2\"" },
};

static const struct row delex_rows[] = {
    { "DELEX none", ":0" },
    { "DELEX none IFNE x", ":0" },
    { "SET k v", "+OK" },
    { "DELEX k IFEQ w", ":0" },
    { "DELEX k IFNE v", ":0" },
    { "DELEX k IFDEQ 0000000000000000", ":0" },
    { "GET k", "\"v\"" },
    { "DELEX k ifeq v", ":1" },
    { "EXISTS k", ":0" },
    { "SET k v", "+OK" },
    { "DELEX k IFNE w", ":1" },
    { "SET k v", "+OK" },
    { "DELEX k", ":1" },
    { "SET k \"Hello world\"", "+OK" },
    { "DELEX k IFDNE b6acb9d84a38ff74", ":0" },
    { "DELEX k IFDEQ B6ACB9D84A38FF74", ":1" },
    { "DELEX k IFEQ", WRONG_ARITY("delex") },
    { "DELEX k IFEQ a b", WRONG_ARITY("delex") },
    { "DELEX", WRONG_ARITY("delex") },
    { "SET k v", "+OK" },
    { "DELEX k NX v", "-ERR Invalid condition*" },
    { "DELEX k IFDEQ 12", "-ERR * exactly 16 hexadecimal characters" },
    { "DELIFEQ k w", ":0" },
    { "DELIFEQ k v", ":1" },
    { "DELIFEQ k v", ":0" },
    { "DELIFEQ k", WRONG_ARITY("delifeq") },
};

static const struct row msetex_rows[] = {
    { "MSETEX 2 a 1 b 2", ":1" },
    { "MGET a b", "[\"1\", \"2\"]" },
    { "MSETEX 2 a 3 c 4 NX", ":0" },
    { "MGET a b c", "[\"1\", \"2\", nil]" },
    { "MSETEX 2 a 3 c 4 XX", ":0" },
    { "MGET a b c", "[\"1\", \"2\", nil]" },
    { "MSETEX 2 a 3 b 4 XX", ":1" },
    { "MGET a b c", "[\"3\", \"4\", nil]" },
    { "MSETEX 3 x 1 y 2 z 3 NX EX 1000", ":1" },
    { "TTL x", ":1000" },
    { "TTL z", ":1000" },
    { "MSETEX 2 x 5 a 6 KEEPTTL", ":1" },
    { "TTL x", ":1000" },
    { "TTL a", ":-1" },
    { "MSETEX 1 x 5", ":1" },
    { "TTL x", ":-1" },
    { "MSETEX 2 x 1 y 2 PXAT 4102444800000 XX", ":1" },
    { "PEXPIRETIME y", ":4102444800000" },
    { "MSETEX 2 x 1 x 2", ":1" },
    { "GET x", "\"2\"" },
    { "MSETEX 2 new 1 new 2 NX", ":1" },
    { "GET new", "\"2\"" },
    { "MSETEX 2 p 1 q 2 PXAT 1000", ":1" },
    { "EXISTS p q", ":0" },
    { "MSETEX 0 a 1", "-ERR *invalid numkeys value" },
    { "MSETEX -1 a 1", "-ERR *invalid numkeys value" },
    { "MSETEX abc a 1", "-ERR *invalid numkeys value" },
    { "MSETEX 2147483648 a 1", "-ERR *invalid numkeys value" },
    { "MSETEX 2 a 1", "-ERR *wrong number of key-value pairs" },
    { "MSETEX 2 a 1 b", "-ERR *wrong number of key-value pairs" },
    { "MSETEX 1 a 1 FOO", "-ERR syntax error" },
    { "MSETEX 1 a 1 NX XX", "-ERR syntax error" },
    { "MSETEX 1 a 1 EX 5 PX 5", "-ERR syntax error" },
    { "MSETEX 1 a 1 EX 5 KEEPTTL", "-ERR syntax error" },
    { "MSETEX 1 a 1 EX", "-ERR syntax error" },
    { "MSETEX 1 a 1 EX abc", NOT_INT },
    { "MSETEX 1 a 1 EX 0", "-ERR invalid expire time in 'msetex' command" },
    { "MSETEX 1 a 1 PX -1", "-ERR invalid expire time in 'msetex' command" },
    { "MSETEX 1 a", WRONG_ARITY("msetex") },
};

static const struct row increx_rows[] = {
    { "INCREX n", "[:1, :1]" },
    { "INCREX n BYINT 5", "[:6, :5]" },
    { "INCREX n BYINT -10", "[:-4, :-10]" },
    { "INCREX n UBOUND 0 BYINT 4", "[:0, :4]" },
    { "INCREX n UBOUND 0", "[:0, :0]" },
    { "INCREX n UBOUND 5 BYINT 10 SATURATE", "[:5, :5]" },
    { "INCREX n LBOUND -2 BYINT -10 SATURATE", "[:-2, :-7]" },
    { "INCREX n LBOUND -2 BYINT -1", "[:-2, :0]" },
    { "INCREX none UBOUND 5 BYINT 6", "[:0, :0]" },
    { "EXISTS none", ":0" },
    { "INCREX t EX 1000", "[:1, :1]" },
    { "TTL t", ":1000" },
    { "INCREX t", "[:2, :1]" },
    { "TTL t", ":1000" },
    { "INCREX t EX 5000 ENX", "[:3, :1]" },
    { "TTL t", ":1000" },
    { "INCREX t PERSIST", "[:4, :1]" },
    { "TTL t", ":-1" },
    { "INCREX t EX 5000 ENX", "[:5, :1]" },
    { "TTL t", ":5000" },
    { "INCREX t UBOUND 5 EX 9", "[:5, :0]" },
    { "TTL t", ":5000" },
    { "INCREX t PXAT 1000", "[:6, :1]" },
    { "EXISTS t", ":0" },
    { "SET m 9223372036854775807", "+OK" },
    { "INCREX m", "[:9223372036854775807, :0]" },
    { "INCREX m SATURATE", "[:9223372036854775807, :0]" },
    { "INCREX f BYFLOAT 1.5", "[\"1.5\", \"1.5\"]" },
    { "INCREX f BYFLOAT -0.25", "[\"1.25\", \"-0.25\"]" },
    { "INCREX f BYFLOAT 10 UBOUND 2.5 SATURATE", "[\"2.5\", \"1.25\"]" },
    { "INCREX f BYFLOAT 10 UBOUND 2.5", "[\"2.5\", \"0\"]" },
    { "INCREX f", NOT_INT },
    { "INCREX n FOO", "-ERR syntax error" },
    { "INCREX n BYINT 1 BYFLOAT 1", "-ERR syntax error" },
    { "INCREX n EX 5 PX 5", "-ERR syntax error" },
    { "INCREX n PERSIST ENX", "-ERR syntax error" },
    { "INCREX n ENX", "-ERR ENX flag requires an expiration" },
    { "INCREX n LBOUND 5 UBOUND 1", "-ERR LBOUND can't be greater than UBOUND" },
    { "INCREX n LBOUND x", "-ERR LBOUND is not an integer or out of range" },
    { "INCREX n UBOUND x", "-ERR UBOUND is not an integer or out of range" },
    { "INCREX n BYFLOAT 1 LBOUND x", "-ERR LBOUND is not a valid float" },
    { "INCREX n BYINT x", NOT_INT },
    { "INCREX n BYFLOAT x", "-ERR value is not a valid float" },
    { "INCREX n EX 0", "-ERR invalid expire time in 'increx' command" },
    { "INCREX n EX x", NOT_INT },
    { "SET s abc", "+OK" },
    { "INCREX s", NOT_INT },
    { "INCREX s BYFLOAT 1", "-ERR value is not a valid float" },
    { "INCREX", WRONG_ARITY("increx") },
};

static const struct row other_rows[] = {
    { "MOVE none 1", ":0" },
    { "SET k a", "+OK" },
    { "SELECT 1", "+OK" },
    { "SET k b", "+OK" },
    { "MOVE k 0", ":0" },
    { "MOVE k 0 REPLACE", ":1" },
    { "EXISTS k", ":0" },
    { "SELECT 0", "+OK" },
    { "GET k", "\"b\"" },
    { "MOVE k 1 FOO", "-ERR syntax error" },
    { "MOVE k 0 REPLACE", "-ERR source and destination objects are the same" },
};

/* `want` may hold one * that stands for anything. */
static bool matches(const char *want, const char *got)
{
    const char *star = strchr(want, '*');
    if (!star || star[1] == ']')
        return strcmp(want, got) == 0;
    size_t before = (size_t)(star - want), after = strlen(star + 1), len = strlen(got);
    return len >= before + after && strncmp(want, got, before) == 0 &&
           strncmp(got + len - after, star + 1, after) == 0;
}

static void run_rows(const struct row *rows, size_t count, int loops)
{
    if (proc_testing_redis())
        cr_skip_test("newer than redis-server 7.0");
    struct proc *p = proc_start_loops(loops);
    struct wire *w = wire_open(p);
    struct bytes report = { 0 };
    for (size_t i = 0; i < count; i++) {
        struct value *v = wire_call(w, rows[i].line);
        struct bytes got = { 0 };
        value_print(v, &got);
        /* A second may have begun since the expiry was set. */
        bool near = v->type == ':' && v->integer >= 999 && rows[i].want[0] == ':' &&
                    v->integer + 1 == atoll(rows[i].want + 1);
        if (!near && !matches(rows[i].want, got.ptr))
            bytes_printf(&report, "  %s\n    want %s\n    got  %s\n", rows[i].line, rows[i].want,
                         got.ptr);
        bytes_free(&got);
        value_free(v);
    }
    cr_assert(report.len == 0, "loops %d:\n%s", loops, report.ptr);
    wire_close(w);
    proc_stop(p);
}

#define ROWS(name)                                                                                 \
    Test(newer, name##_1)                                                                          \
    {                                                                                              \
        run_rows(name##_rows, sizeof(name##_rows) / sizeof(name##_rows[0]), 1);                    \
    }                                                                                              \
    Test(newer, name##_4)                                                                          \
    {                                                                                              \
        run_rows(name##_rows, sizeof(name##_rows) / sizeof(name##_rows[0]), 4);                    \
    }
ROWS(set)
ROWS(digest)
ROWS(delex)
ROWS(msetex)
ROWS(increx)
ROWS(other)

Test(newer, increx_in_resp3)
{
    if (proc_testing_redis())
        cr_skip_test("newer than redis-server 7.0");
    struct proc *p = proc_start_loops(2);
    struct wire *w = wire_open(p);
    wire_expect(w, "HELLO 3", "{*");
    wire_expect(w, "INCREX f BYFLOAT 1.5", "[,1.5, ,1.5]");
    wire_expect(w, "INCREX n", "[:1, :1]");
    wire_expect(w, "DIGEST none", "null");
    wire_expect(w, "SET none x IFEQ y", "null");
    wire_close(w);
    proc_stop(p);
}
