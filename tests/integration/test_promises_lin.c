/* Strict serializability: several clients send random commands over few keys, pipelined, and
 * record what they were told and when; the history is judged by the checker of
 * tests/support/lin.h. On 1, 2, 4 and 8 loops. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/crew.h"
#include "tests/support/lin.h"

enum {
    CLIENTS = 5,
    ROUNDS = 60,
    OPS = 150, /* a client and round */
    DEPTH_MAX = 6,
};

struct history {
    struct lin_client client[CLIENTS];
    struct lin_op op[CLIENTS][OPS];
    int key_count;
    bool multi; /* mostly commands of several keys */
};

static void choose(struct history *h, struct rng *r, int client, int at, struct lin_op *op)
{
    static const uint8_t multi[] = { LIN_MGET, LIN_MGET,        LIN_MSET,     LIN_MSETNX,
                                     LIN_DEL,  LIN_RENAME,      LIN_RENAMENX, LIN_EXISTS,
                                     LIN_COPY, LIN_COPY_REPLACE };
    memset(op, 0, sizeof(*op));
    if (h->multi && rng_chance(r, 70))
        op->kind = multi[rng_below(r, sizeof(multi))];
    else
        op->kind = (uint8_t)rng_below(r, rng_chance(r, 90) ? LIN_FLUSH : LIN_KINDS);
    bool one = op->kind <= LIN_GETDEL, none = op->kind >= LIN_FLUSH;
    bool pair = op->kind >= LIN_RENAME && !none;
    op->key_count = (uint8_t)(none   ? 0
                              : one  ? 1
                              : pair ? 2
                                     : 2 + rng_below(r, (uint64_t)h->key_count - 1));
    uint8_t first = (uint8_t)rng_below(r, (uint64_t)h->key_count);
    for (int i = 0; i < LIN_KEYS_MAX; i++) {
        op->key[i] = (uint8_t)((first + i) % h->key_count);
        op->arg[i] = ((client * OPS + at) * 10 + i + 1) * 1000LL;
    }
}

static void op_line(const struct lin_op *op, char *line, size_t cap)
{
    static const char *const verbs[LIN_KINDS] = { "GET",     "SET",    "GETSET",   "SETNX", "INCR",
                                                  "GETDEL",  "DEL",    "EXISTS",   "MGET",  "MSET",
                                                  "MSETNX",  "RENAME", "RENAMENX", "COPY",  "COPY",
                                                  "FLUSHDB", "DBSIZE" };
    bool args = op->kind == LIN_SET || op->kind == LIN_GETSET || op->kind == LIN_SETNX ||
                op->kind == LIN_MSET || op->kind == LIN_MSETNX;
    size_t len = (size_t)snprintf(line, cap, "%s", verbs[op->kind]);
    for (int i = 0; i < op->key_count; i++) {
        len += (size_t)snprintf(line + len, cap - len, " k%d", op->key[i]);
        if (args)
            len += (size_t)snprintf(line + len, cap - len, " %lld", (long long)op->arg[i]);
    }
    if (op->kind == LIN_COPY_REPLACE)
        snprintf(line + len, cap - len, " REPLACE");
}

static int64_t value_number(const struct value *v)
{
    if (v->null)
        return LIN_NIL;
    return v->type == ':' ? v->integer : v->text ? strtoll(v->text, NULL, 10) : -2;
}

/* False: a reply of a kind that does not belong to the command. */
static bool record(struct lin_op *op, const struct value *v)
{
    if (value_text_is(v, "ERR no such key")) {
        op->reply[0] = op->kind == LIN_RENAMENX ? -1 : 0;
        return op->kind == LIN_RENAMENX || op->kind == LIN_RENAME;
    }
    if (value_is_error(v))
        return false;
    if (v->type == '+') {
        op->reply[0] = 1;
        return value_text_is(v, "OK");
    }
    if (op->kind != LIN_MGET) {
        op->reply[0] = value_number(v);
        return true;
    }
    for (size_t i = 0; i < v->count && i < op->key_count; i++)
        op->reply[i] = value_number(v->item[i]);
    return v->count == op->key_count;
}

static void lin_client_run(struct member *m)
{
    struct history *h = m->crew->shared;
    struct lin_client *c = &h->client[m->index];
    c->op = h->op[m->index];
    c->count = 0;
    while (c->count < OPS && !crew_stopped(m)) {
        size_t depth = 1 + rng_below(&m->rng, DEPTH_MAX);
        if (depth > OPS - c->count)
            depth = OPS - c->count;
        struct bytes request = { 0 };
        for (size_t i = 0; i < depth; i++) {
            char line[256];
            struct args a = { 0 };
            choose(h, &m->rng, m->index, (int)(c->count + i), &c->op[c->count + i]);
            op_line(&c->op[c->count + i], line, sizeof(line));
            args_split(&a, line);
            args_encode(&a, &request);
            args_free(&a);
        }
        int64_t called = test_now_ns();
        wire_send(m->wire, request.ptr, request.len);
        bytes_free(&request);
        for (size_t i = 0; i < depth; i++) {
            struct lin_op *op = &c->op[c->count++];
            struct value *v = wire_read(m->wire);
            op->call_ns = called;
            op->return_ns = test_now_ns();
            if (!record(op, v)) {
                struct bytes b = { 0 };
                lin_op_print(op, &b);
                value_print(v, &b);
                crew_fail(m, "an impossible reply: %s", b.ptr);
                bytes_free(&b);
            }
            value_free(v);
        }
    }
    crew_done(m);
}

static void run_rounds(int loops, int key_count, bool multi)
{
    void (*const run[CLIENTS])(struct member *) = { lin_client_run, lin_client_run, lin_client_run,
                                                    lin_client_run, lin_client_run };
    struct proc *p = proc_start_loops(loops);
    struct wire *w = wire_open(p);
    struct history *h = calloc(1, sizeof(*h));
    cr_assert(h);
    h->key_count = key_count;
    h->multi = multi;
    int rounds = test_scaled(ROUNDS);
    for (int i = 0; i < rounds; i++) {
        struct bytes why = { 0 };
        wire_expect(w, "FLUSHALL", "+OK");
        crew_run(p, h, run, CLIENTS, CLIENTS);
        cr_assert(lin_check(h->client, CLIENTS, &why), "loops %d: not linearizable: %s", loops,
                  why.ptr);
        bytes_free(&why);
    }
    free(h);
    wire_close(w);
    proc_stop(p);
}

Test(linearizable, single_keys_1)
{
    run_rounds(1, 3, false);
}

Test(linearizable, single_keys_2)
{
    run_rounds(2, 3, false);
}

Test(linearizable, single_keys_4)
{
    run_rounds(4, 3, false);
}

Test(linearizable, single_keys_8)
{
    run_rounds(8, 3, false);
}

Test(linearizable, several_keys_1)
{
    run_rounds(1, 5, true);
}

Test(linearizable, several_keys_2)
{
    run_rounds(2, 5, true);
}

Test(linearizable, several_keys_4)
{
    run_rounds(4, 5, true);
}

Test(linearizable, several_keys_8)
{
    run_rounds(8, 5, true);
}
