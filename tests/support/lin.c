/* lin: see lin.h. A configuration is how many operations of each client have taken effect, and
 * the keys' state then. As a client's own operations are ordered, at most one of each client can
 * come next; it may come next if no other client's next operation had returned before it was
 * called. */
#include "tests/support/lin.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct config {
    uint32_t pos[LIN_CLIENTS_MAX];
    int64_t state[LIN_KEYS_MAX];
};

struct search {
    const struct lin_client *client;
    int count;
    struct config *stack;
    size_t depth, cap;
    uint64_t (*seen)[2]; /* 128-bit hashes, {0, 0} is empty */
    size_t seen_count, seen_cap;
    struct config best;
    size_t best_total;
};

static void *need(void *ptr)
{
    if (!ptr)
        abort();
    return ptr;
}

static int64_t count_present(const struct lin_op *op, const int64_t *state)
{
    int64_t n = 0;
    for (int i = 0; i < op->key_count; i++)
        n += state[op->key[i]] != LIN_NIL;
    return n;
}

static void assign(const struct lin_op *op, int64_t *state)
{
    for (int i = 0; i < op->key_count; i++)
        state[op->key[i]] = op->arg[i];
}

/* The commands that move a value from key[0] to key[1]. */
static int64_t apply_move(const struct lin_op *op, int64_t *state)
{
    int64_t *from = &state[op->key[0]], *to = &state[op->key[1]];
    bool copy = op->kind == LIN_COPY || op->kind == LIN_COPY_REPLACE;
    bool replace = op->kind == LIN_RENAME || op->kind == LIN_COPY_REPLACE;
    if (*from == LIN_NIL)
        return op->kind == LIN_RENAMENX ? -1 : 0;
    if (!replace && *to != LIN_NIL)
        return 0;
    *to = *from;
    if (!copy)
        *from = LIN_NIL;
    return 1;
}

/* Changes the state; the reply of kinds other than MGET is the result. */
static int64_t apply(const struct lin_op *op, int64_t *state)
{
    int64_t *value = &state[op->key[0]], old = *value, n = 0;
    switch (op->kind) {
    case LIN_GET:
        return old;
    case LIN_SET:
    case LIN_MSET:
        assign(op, state);
        return 1;
    case LIN_GETSET:
        assign(op, state);
        return old;
    case LIN_SETNX:
    case LIN_MSETNX:
        n = count_present(op, state) == 0;
        if (n)
            assign(op, state);
        return n;
    case LIN_INCR:
        return *value = old == LIN_NIL ? 1 : old + 1;
    case LIN_GETDEL:
        *value = LIN_NIL;
        return old;
    case LIN_DEL:
        n = count_present(op, state);
        for (int i = 0; i < op->key_count; i++)
            state[op->key[i]] = LIN_NIL;
        return n;
    case LIN_EXISTS:
        return count_present(op, state);
    case LIN_FLUSH:
        for (int i = 0; i < LIN_KEYS_MAX; i++)
            state[i] = LIN_NIL;
        return 1;
    case LIN_DBSIZE:
        for (int i = 0; i < LIN_KEYS_MAX; i++)
            n += state[i] != LIN_NIL;
        return n;
    default:
        return apply_move(op, state);
    }
}

void lin_apply(struct lin_op *op, int64_t *state)
{
    if (op->kind != LIN_MGET) {
        op->reply[0] = apply(op, state);
        return;
    }
    for (int i = 0; i < op->key_count; i++)
        op->reply[i] = state[op->key[i]];
}

/* Applies op if its recorded reply is what the model gives. */
static bool step(const struct lin_op *op, int64_t *state)
{
    if (op->kind != LIN_MGET)
        return apply(op, state) == op->reply[0];
    for (int i = 0; i < op->key_count; i++) {
        if (op->reply[i] != state[op->key[i]])
            return false;
    }
    return true;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9fb21c651e98df25u;
    return h ^ (h >> 29);
}

static void seen_grow(struct search *s)
{
    uint64_t(*old)[2] = s->seen;
    size_t old_cap = s->seen_cap;
    s->seen_cap = old_cap ? old_cap * 2 : 4096;
    s->seen = need(calloc(s->seen_cap, sizeof(*s->seen)));
    for (size_t i = 0; i < old_cap; i++) {
        if (!old[i][0] && !old[i][1])
            continue;
        size_t at = old[i][0] & (s->seen_cap - 1);
        while (s->seen[at][0] || s->seen[at][1])
            at = (at + 1) & (s->seen_cap - 1);
        s->seen[at][0] = old[i][0];
        s->seen[at][1] = old[i][1];
    }
    free(old);
}

/* True if the configuration is new; from now on it is not. */
static bool seen_add(struct search *s, const struct config *c)
{
    uint64_t a = 0x8ebc6af09c88c6e3u, b = 0x589965cc75374cc3u;
    for (int i = 0; i < s->count; i++) {
        a = mix(a, c->pos[i]);
        b = mix(b, c->pos[i] + 0x1d8e4e27c47d124fu);
    }
    for (int i = 0; i < LIN_KEYS_MAX; i++) {
        a = mix(a, (uint64_t)c->state[i]);
        b = mix(b, (uint64_t)c->state[i] ^ 0xeb44accab455d165u);
    }
    if (s->seen_count * 2 >= s->seen_cap)
        seen_grow(s);
    size_t at = a & (s->seen_cap - 1);
    while (s->seen[at][0] || s->seen[at][1]) {
        if (s->seen[at][0] == a && s->seen[at][1] == b)
            return false;
        at = (at + 1) & (s->seen_cap - 1);
    }
    s->seen[at][0] = a;
    s->seen[at][1] = b;
    s->seen_count++;
    return true;
}

static void push(struct search *s, const struct config *c)
{
    if (s->depth == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 1024;
        s->stack = need(realloc(s->stack, s->cap * sizeof(*s->stack)));
    }
    s->stack[s->depth++] = *c;
}

static size_t total_of(const struct search *s, const struct config *c)
{
    size_t total = 0;
    for (int i = 0; i < s->count; i++)
        total += c->pos[i];
    return total;
}

/* All configurations one operation after c that were not seen yet go onto the stack. */
static void expand(struct search *s, const struct config *c)
{
    int64_t first_return = INT64_MAX;
    for (int i = 0; i < s->count; i++) {
        if (c->pos[i] < s->client[i].count && s->client[i].op[c->pos[i]].return_ns < first_return)
            first_return = s->client[i].op[c->pos[i]].return_ns;
    }
    for (int i = 0; i < s->count; i++) {
        if (c->pos[i] == s->client[i].count)
            continue;
        const struct lin_op *op = &s->client[i].op[c->pos[i]];
        if (op->call_ns > first_return)
            continue;
        struct config next = *c;
        next.pos[i]++;
        if (step(op, next.state) && seen_add(s, &next))
            push(s, &next);
    }
}

static void print_list(const struct lin_op *op, const int64_t *values, struct bytes *out)
{
    for (int i = 0; i < op->key_count; i++) {
        if (values[i] == LIN_NIL)
            bytes_add_str(out, " nil");
        else
            bytes_printf(out, " %" PRId64, values[i]);
    }
}

void lin_op_print(const struct lin_op *op, struct bytes *out)
{
    static const char *const names[LIN_KINDS] = {
        "GET",  "SET",    "GETSET", "SETNX",    "INCR", "GETDEL",       "DEL",     "EXISTS", "MGET",
        "MSET", "MSETNX", "RENAME", "RENAMENX", "COPY", "COPY REPLACE", "FLUSHDB", "DBSIZE"
    };
    bytes_printf(out, "[%" PRId64 ".%03d..%" PRId64 ".%03d us] %s", op->call_ns / 1000,
                 (int)(op->call_ns % 1000), op->return_ns / 1000, (int)(op->return_ns % 1000),
                 names[op->kind]);
    for (int i = 0; i < op->key_count; i++)
        bytes_printf(out, " k%d", op->key[i]);
    if (op->kind == LIN_SET || op->kind == LIN_GETSET || op->kind == LIN_SETNX ||
        op->kind == LIN_MSET || op->kind == LIN_MSETNX) {
        bytes_add_str(out, " =");
        print_list(op, op->arg, out);
    }
    bytes_add_str(out, " ->");
    struct lin_op one = *op;
    if (op->kind != LIN_MGET)
        one.key_count = 1;
    print_list(&one, op->reply, out);
}

static void explain(const struct search *s, struct bytes *why)
{
    enum { BEFORE = 3, AFTER = 6 };
    const struct config *c = &s->best;
    bytes_printf(why,
                 "no order explains more than %zu operations. The state there:", s->best_total);
    for (int i = 0; i < LIN_KEYS_MAX; i++) {
        if (c->state[i] != LIN_NIL)
            bytes_printf(why, " k%d=%" PRId64, i, c->state[i]);
    }
    int64_t horizon = INT64_MAX;
    for (int i = 0; i < s->count; i++) {
        if (c->pos[i] < s->client[i].count && s->client[i].op[c->pos[i]].return_ns < horizon)
            horizon = s->client[i].op[c->pos[i]].return_ns;
    }
    bytes_add_str(why, " (> marks what could come next and does not fit)\n");
    for (int i = 0; i < s->count; i++) {
        size_t pos = c->pos[i], from = pos > BEFORE ? pos - BEFORE : 0;
        for (size_t j = from; j < s->client[i].count && j < pos + AFTER; j++) {
            const struct lin_op *op = &s->client[i].op[j];
            if (j > pos && op->call_ns > horizon)
                break;
            bytes_printf(why, "  client %d #%zu %s ", i, j,
                         j < pos                              ? "."
                         : j == pos && op->call_ns <= horizon ? ">"
                                                              : " ");
            lin_op_print(op, why);
            bytes_add_str(why, "\n");
        }
    }
}

bool lin_check(const struct lin_client *client, int client_count, struct bytes *why)
{
    struct search s = { .client = client, .count = client_count };
    struct config c = { { 0 }, { 0 } };
    size_t want = 0;
    for (int i = 0; i < LIN_KEYS_MAX; i++)
        c.state[i] = LIN_NIL;
    for (int i = 0; i < client_count; i++)
        want += client[i].count;
    s.best = c;
    push(&s, &c);
    while (s.depth > 0 && s.best_total < want) {
        c = s.stack[--s.depth];
        size_t total = total_of(&s, &c);
        if (total > s.best_total) {
            s.best_total = total;
            s.best = c;
        }
        expand(&s, &c);
    }
    if (s.best_total < want && why)
        explain(&s, why);
    free(s.stack);
    free(s.seen);
    return s.best_total == want;
}
