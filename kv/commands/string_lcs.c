/* string_lcs: LCS, the longest common subsequence of two strings.
 *
 * cell(i, j) is the length for the first i bytes of a and the first j of b. The subsequence is read
 * off by walking from the last cell to where one string is used up: diagonally over equal bytes,
 * else to the neighbour with the greater length. */
#include <limits.h>
#include <stdlib.h>

#include "kv/commands/string_commands.h"
#include "kv/engine/call.h"
#include "kv/server.h"
#include "kv/types/string.h"

struct lcs {
    struct slice a, b;
    uint32_t *cells; /* (a.len + 1) rows of (b.len + 1) */
};

struct lcs_options {
    bool indexes, length, with_match_len;
    int64_t min_match_len;
};

/* A run of equal bytes: where it begins in a and in b. */
struct match {
    size_t a, b, len;
};

typedef void (*match_fn)(void *arg, const struct match *m);

static uint32_t *row(const struct lcs *l, size_t i)
{
    return l->cells + i * (l->b.len + 1);
}

static void fill(struct lcs *l)
{
    memset(row(l, 0), 0, (l->b.len + 1) * sizeof(uint32_t));
    for (size_t i = 1; i <= l->a.len; i++) {
        const uint32_t *above = row(l, i - 1);
        uint32_t *here = row(l, i);
        here[0] = 0;
        for (size_t j = 1; j <= l->b.len; j++) {
            if (l->a.ptr[i - 1] == l->b.ptr[j - 1])
                here[j] = above[j - 1] + 1;
            else
                here[j] = above[j] > here[j - 1] ? above[j] : here[j - 1];
        }
    }
}

static uint32_t common_len(const struct lcs *l)
{
    return row(l, l->a.len)[l->b.len];
}

/* The runs of the subsequence, last first. */
static void walk(const struct lcs *l, match_fn fn, void *arg)
{
    size_t i = l->a.len, j = l->b.len;
    while (i && j) {
        struct match m = { .len = 0 };
        while (i && j && l->a.ptr[i - 1] == l->b.ptr[j - 1]) {
            i--;
            j--;
            m.len++;
        }
        if (m.len) {
            m.a = i;
            m.b = j;
            fn(arg, &m);
        } else if (row(l, i - 1)[j] > row(l, i)[j - 1]) {
            i--;
        } else {
            j--;
        }
    }
}

struct text {
    const struct lcs *lcs;
    char *pos; /* filled from the end */
};

static void copy_match(void *arg, const struct match *m)
{
    struct text *t = arg;
    t->pos -= m->len;
    memcpy(t->pos, t->lcs->a.ptr + m->a, m->len);
}

static void reply_text(struct call *c, const struct lcs *l)
{
    uint32_t len = common_len(l);
    char *bytes = arena_alloc(c->scratch, len);
    if (!bytes) {
        reply_no_memory(c->out);
        return;
    }
    struct text t = { l, bytes + len };
    walk(l, copy_match, &t);
    reply_bulk(c->out, slice_of(bytes, len));
}

struct listing {
    struct reply *out; /* NULL: only count */
    const struct lcs_options *options;
    int64_t count;
};

static void reply_range(struct reply *out, size_t first, size_t len)
{
    reply_array(out, 2);
    reply_int(out, (int64_t)first);
    reply_int(out, (int64_t)(first + len - 1));
}

static void list_match(void *arg, const struct match *m)
{
    struct listing *l = arg;
    if ((int64_t)m->len < l->options->min_match_len)
        return;
    l->count++;
    if (!l->out)
        return;
    reply_array(l->out, l->options->with_match_len ? 3 : 2);
    reply_range(l->out, m->a, m->len);
    reply_range(l->out, m->b, m->len);
    if (l->options->with_match_len)
        reply_int(l->out, (int64_t)m->len);
}

static void reply_indexes(struct call *c, const struct lcs *l, const struct lcs_options *o)
{
    struct listing list = { .options = o };
    walk(l, list_match, &list);
    reply_map(c->out, 2);
    reply_bulk_str(c->out, "matches");
    reply_array(c->out, list.count);
    list.out = c->out;
    walk(l, list_match, &list);
    reply_bulk_str(c->out, "len");
    reply_int(c->out, common_len(l));
}

static bool parse_options(struct call *c, struct lcs_options *o)
{
    for (int i = 3; i < c->argc; i++) {
        if (slice_is(c->argv[i], "idx")) {
            o->indexes = true;
        } else if (slice_is(c->argv[i], "len")) {
            o->length = true;
        } else if (slice_is(c->argv[i], "withmatchlen")) {
            o->with_match_len = true;
        } else if (slice_is(c->argv[i], "minmatchlen") && i + 1 < c->argc) {
            if (!call_int64(c, ++i, &o->min_match_len))
                return false;
        } else {
            reply_syntax_error(c->out);
            return false;
        }
    }
    if (o->indexes && o->length) {
        reply_error(c->out, "ERR If you want both the length and indexes, please just use IDX.");
        return false;
    }
    return true;
}

/* False: the error is written. */
static bool allocate(struct call *c, struct lcs *l)
{
    size_t bytes;
    if (l->a.len >= UINT32_MAX - 1 || l->b.len >= UINT32_MAX - 1) {
        reply_error(c->out, "ERR String too long for LCS");
        return false;
    }
    bool overflow = __builtin_mul_overflow((l->a.len + 1) * sizeof(uint32_t), l->b.len + 1, &bytes);
    if (!overflow && bytes > (size_t)c->server->config->proto_max_bulk_len) {
        reply_error(c->out, "ERR Insufficient memory, transient memory for LCS exceeds "
                            "proto-max-bulk-len");
        return false;
    }
    l->cells = overflow ? NULL : malloc(bytes);
    if (l->cells)
        return true;
    reply_error(c->out, "ERR Insufficient memory, failed allocating transient memory for LCS");
    return false;
}

void string_cmd_lcs(struct call *c)
{
    struct lcs_options o = { .min_match_len = 0 };
    struct lcs l = { .cells = NULL };
    char scratch[2][INT64_TEXT_MAX];
    /* A look at the second key may free an expired entry, but never one that was found alive. */
    struct entry *a = call_find(c, 1), *b = call_find(c, 2);
    if ((a && entry_type(a) != VALUE_STRING) || (b && entry_type(b) != VALUE_STRING)) {
        reply_error(c->out, "ERR The specified keys must contain string values");
        return;
    }
    l.a = a ? string_view(a, scratch[0]) : SLICE("");
    l.b = b ? string_view(b, scratch[1]) : SLICE("");
    if (!parse_options(c, &o) || !allocate(c, &l))
        return;
    fill(&l);
    if (o.indexes)
        reply_indexes(c, &l, &o);
    else if (o.length)
        reply_int(c->out, common_len(&l));
    else
        reply_text(c, &l);
    free(l.cells);
}
