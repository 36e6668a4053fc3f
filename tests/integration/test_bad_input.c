/* What no client should send: the server answers as Redis does, closes, and lives on. */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/support/proc.h"
#include "tests/support/rng.h"
#include "tests/support/wire.h"

struct frame {
    const char *bytes;
    size_t len;
    const char *want; /* before the end of the connection */
};

#define FRAME(text, want)                                                                          \
    {                                                                                              \
        text, sizeof(text) - 1, want                                                               \
    }

static const struct frame frames[] = {
    FRAME("*abc\r\n", "-ERR Protocol error: invalid multibulk length"),
    FRAME("*2147483648\r\n", "-ERR Protocol error: invalid multibulk length"),
    FRAME("*99999999999999999999\r\n", "-ERR Protocol error: invalid multibulk length"),
    FRAME("*1 \r\n", "-ERR Protocol error: invalid multibulk length"),
    FRAME("*\r\n", "-ERR Protocol error: invalid multibulk length"),
    FRAME("*+1\r\n", "-ERR Protocol error: invalid multibulk length"),
    FRAME("*2\r\n+OK\r\n", "-ERR Protocol error: expected '$', got '+'"),
    FRAME("*1\r\nfoo\r\n", "-ERR Protocol error: expected '$', got 'f'"),
    FRAME("*1\r\n$abc\r\n", "-ERR Protocol error: invalid bulk length"),
    FRAME("*1\r\n$-1\r\n", "-ERR Protocol error: invalid bulk length"),
    FRAME("*1\r\n$\r\n", "-ERR Protocol error: invalid bulk length"),
    FRAME("*2\r\n$3\r\nGET\r\n$536870913\r\n", "-ERR Protocol error: invalid bulk length"),
    FRAME("*2\r\n$3\r\nGET\r\n$9223372036854775808\r\n",
          "-ERR Protocol error: invalid bulk length"),
    FRAME("*1\r\n$+4\r\nPING\r\n", "-ERR Protocol error: invalid bulk length"),
    FRAME("get \"abc\r\n", "-ERR Protocol error: unbalanced quotes in request"),
    FRAME("get 'abc'x\r\n", "-ERR Protocol error: unbalanced quotes in request"),
};

static void malformed(int loops)
{
    struct proc *p = proc_start_loops(loops);
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        /* Once alone; once behind good commands, whose replies must come first; once byte by
         * byte. */
        for (int way = 0; way < 3; way++) {
            struct wire *w = wire_open(p);
            if (way == 1) {
                wire_send_line(w, "SET k v");
                wire_send_line(w, "MGET k k2 k3");
            }
            for (size_t j = 0; way == 2 && j < frames[i].len; j++)
                wire_send(w, frames[i].bytes + j, 1);
            if (way != 2)
                wire_send(w, frames[i].bytes, frames[i].len);
            if (way == 1) {
                wire_expect_reply(w, "+OK");
                wire_expect_reply(w, "[\"v\", nil, nil]");
            }
            wire_expect_reply(w, frames[i].want);
            wire_expect_end(w);
            wire_close(w);
        }
    }
    struct wire *w = wire_open(p);
    static const char empties[] = "*0\r\n*-1\r\n\r\n*-5\r\n   \r\n*1\r\n$4\r\nPING\r\n";
    wire_send(w, empties, sizeof(empties) - 1);
    wire_expect_reply(w, "+PONG");
    wire_close(w);
    proc_stop(p);
}

Test(bad_input, malformed_1)
{
    malformed(1);
}

Test(bad_input, malformed_4)
{
    malformed(4);
}

Test(bad_input, a_line_without_end)
{
    struct proc *p = proc_start_loops(2);
    struct wire *w = wire_open(p);
    char *line = malloc(70000);
    cr_assert(line);
    memset(line, 'x', 70000);
    wire_send(w, line, 70000);
    wire_expect_reply(w, "-ERR Protocol error: too big inline request");
    wire_expect_end(w);
    wire_close(w);
    w = wire_open(p);
    memset(line, '1', 70000);
    line[0] = '*';
    wire_send(w, line, 70000);
    wire_expect_reply(w, "-ERR Protocol error: too big mbulk count string");
    wire_expect_end(w);
    wire_close(w);
    free(line);
    proc_stop(p);
}

/* A claimed length reserves nothing until the bytes arrive. */
Test(bad_input, claims_cost_nothing)
{
    if (proc_testing_redis())
        cr_skip_test("redis-server reserves");
    enum { CLAIMS = 64 };
    struct proc *p = proc_start_loops(2);
    struct wire *w[CLAIMS], *other = wire_open(p);
    wire_expect(other, "PING", "+PONG");
    size_t before = proc_rss_bytes(p);
    for (int i = 0; i < CLAIMS; i++) {
        static const char bulk[] = "*2\r\n$3\r\nGET\r\n$536870912\r\nabc",
                          many[] = "*1048576\r\n$1\r\nx\r\n";
        w[i] = wire_open(p);
        if (i % 2)
            wire_send(w[i], bulk, sizeof(bulk) - 1);
        else
            wire_send(w[i], many, sizeof(many) - 1);
    }
    wire_expect(other, "SET k v", "+OK");
    size_t grown = proc_rss_bytes(p) - before;
    cr_assert_lt(grown, (size_t)64 << 20, "the server grew by %zu MB", grown >> 20);
    for (int i = 0; i < CLAIMS; i++)
        wire_close(w[i]);
    wire_expect(other, "GET k", "\"v\"");
    wire_close(other);
    proc_stop(p);
}

static const char mixed[] = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\n\r\n$1\r\r\n"
                            "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
                            "ping \"x y\"\r\n"
                            "*5\r\n$4\r\nMSET\r\n$1\r\nb\r\n$0\r\n\r\n$1\r\nc\r\n$3\r\n*1\r\r\n"
                            "*4\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n";

static void expect_mixed(struct wire *w)
{
    wire_expect_reply(w, "+OK");
    wire_expect_reply(w, "\"\\r\\n$1\\r\"");
    wire_expect_reply(w, "\"x y\"");
    wire_expect_reply(w, "+OK");
    wire_expect_reply(w, "[\"\\r\\n$1\\r\", \"\", \"*1\\r\"]");
}

/* In two parts cut at every place; the server has read the first part when another connection
 * was answered twice. */
Test(bad_input, cut_at_every_byte)
{
    struct proc *p = proc_start_loops(2);
    struct wire *w = wire_open(p), *other = wire_open(p);
    size_t len = sizeof(mixed) - 1;
    for (size_t cut = 1; cut < len; cut++) {
        wire_send(w, mixed, cut);
        wire_expect(other, "PING", "+PONG");
        wire_expect(other, "PING", "+PONG");
        wire_send(w, mixed + cut, len - cut);
        expect_mixed(w);
    }
    for (int i = 0; i < 3; i++) {
        for (size_t at = 0; at < len; at++)
            wire_send(w, mixed + at, 1);
        expect_mixed(w);
    }
    wire_close(other);
    wire_close(w);
    proc_stop(p);
}

/* The connection is closed, or reset, in the middle of a command. */
Test(bad_input, gone_at_every_byte)
{
    struct proc_spec spec = { .tcp = true, .loops = 4 };
    struct proc *p = proc_start(&spec);
    struct wire *other = wire_open(p);
    size_t len = sizeof(mixed) - 1;
    for (size_t cut = 0; cut <= len; cut++) {
        struct wire *w = wire_open_tcp(p);
        wire_send(w, mixed, cut);
        if (cut % 2)
            wire_reset(w);
        else
            wire_close(w);
        wire_expect(other, "PING", "+PONG");
    }
    wire_close(other);
    proc_stop(p);
}

static void random_bytes(int loops)
{
    struct proc *p = proc_start_loops(loops);
    struct rng r;
    rng_init(&r, test_seed());
    int rounds = test_scaled(400);
    static const char alphabet[] = "*$\r\n0123456789-+:GETSdelmsetmgetrename kab\"'\\x";
    struct wire *other = wire_open(p);
    for (int i = 0; i < rounds; i++) {
        struct wire *w = wire_open(p);
        char chunk[600];
        size_t len = 1 + rng_below(&r, sizeof(chunk) - 1);
        for (size_t j = 0; j < len; j++)
            chunk[j] = i % 2 ? (char)rng_next(&r) : alphabet[rng_below(&r, sizeof(alphabet) - 1)];
        if (i % 4 == 3) /* a good start */
            memcpy(chunk, mixed, len < 40 ? len : 40);
        wire_send(w, chunk, len);
        wire_end(w);
        struct value *v;
        while ((v = wire_read_or_end(w)) != NULL)
            value_free(v);
        wire_close(w);
        wire_expect(other, "ECHO x", "\"x\"");
    }
    wire_close(other);
    proc_stop(p);
}

Test(bad_input, random_bytes_1)
{
    random_bytes(1);
}

Test(bad_input, random_bytes_4)
{
    random_bytes(4);
}

/* 10,000 connections that say nothing, or as many as this process may hold. */
Test(bad_input, idle_connections)
{
    struct rlimit limit;
    cr_assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max < 20200 ? limit.rlim_max : 20200;
    setrlimit(RLIMIT_NOFILE, &limit);
    int count = test_scaled(10000);
    if (limit.rlim_cur < (rlim_t)count + 100)
        count = (int)limit.rlim_cur - 100;
    static const char *const args[] = { "--maxclients", "12000", NULL };
    struct proc_spec spec = { .loops = 4, .args = args };
    struct proc *p = proc_start(&spec);
    struct wire **w = calloc((size_t)count, sizeof(struct wire *)), *other = wire_open(p);
    cr_assert(w);
    for (int i = 0; i < count; i++) {
        w[i] = wire_open(p);
        if (i % 100 == 0)
            wire_expect(other, "PING", "+PONG");
        if (i % 3 == 0)
            wire_send(w[i], "*1\r\n$4\r\nPI", 10);
    }
    for (int i = 0; i < count; i += 97)
        wire_expect(w[i - i % 3 + 1], "GET k", "nil");
    for (int i = 0; i < count; i += 3) {
        wire_send(w[i], "NG\r\n", 4);
        wire_expect_reply(w[i], "+PONG");
    }
    for (int i = 0; i < count; i++)
        wire_close(w[i]);
    wire_expect(other, "PING", "+PONG");
    wire_close(other);
    free(w);
    proc_stop(p);
}
