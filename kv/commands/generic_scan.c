/* generic_scan: going through the keys of a database.
 *
 * A cursor of SCAN is position * number of shards + shard: the shards are walked one after the
 * other, each by the cursor of its table. It begins with 0 and, where the last shard ends, becomes
 * 0 again. */
#include <ctype.h>

#include "kv/base/glob.h"
#include "kv/base/number.h"
#include "kv/commands/generic_commands.h"
#include "kv/engine/call.h"

enum {
    SCAN_COUNT_DEFAULT = 10,
    NAMES_FIRST_ROOM = 256,
    VISITED_AT_ONCE_MAX = 1 << 30,
};

static const uint64_t POSITION_MASK = (1ull << 48) - 1;

/* The names that a walk has found; they are borrowed from their entries, and the list lies in the
 * call's scratch memory. */
struct names {
    struct call *call;
    struct slice pattern; /* ptr NULL: any */
    struct slice type;    /* ptr NULL: any */
    int64_t now_ms;
    struct slice *items;
    size_t count, room;
    bool failed; /* out of memory */
};

static bool names_grow(struct names *n)
{
    size_t room = n->room ? 2 * n->room : NAMES_FIRST_ROOM;
    struct slice *items = arena_alloc(n->call->scratch, room * sizeof(*items));
    if (!items) {
        n->failed = true;
        return false;
    }
    if (n->count)
        memcpy(items, n->items, n->count * sizeof(*items));
    n->items = items;
    n->room = room;
    return true;
}

static void names_visit(void *arg, struct entry *e)
{
    struct names *n = arg;
    struct slice name = entry_key(e);
    int64_t at_ms = entry_expire_at_ms(e);
    if (at_ms != EXPIRE_NONE && at_ms <= n->now_ms)
        return;
    if (n->type.ptr && !slice_is(n->type, entry_type_name(e)))
        return;
    if (n->pattern.ptr && !glob_match(n->pattern, name, false))
        return;
    if (n->count < n->room || names_grow(n))
        n->items[n->count++] = name;
}

static void names_reply(const struct names *n, struct reply *out)
{
    reply_array(out, (int64_t)n->count);
    for (size_t i = 0; i < n->count; i++)
        reply_bulk(out, n->items[i]);
}

void generic_cmd_keys(struct call *c)
{
    struct names n = { .call = c, .now_ms = call_now_ms(c) };
    struct shard *s = call_shard(c, c->shard_index);
    uint64_t position = 0;
    if (!slice_eq(c->argv[1], SLICE("*")))
        n.pattern = c->argv[1];
    do {
        position = shard_scan(s, c->db, position, VISITED_AT_ONCE_MAX, names_visit, &n);
    } while (position && !n.failed);
    if (n.failed)
        reply_no_memory(c->out);
    else
        names_reply(&n, c->out);
}

/* Holding all shards, it is null only if there is no key at all. The shards are tried from one on
 * that is chosen by how many keys each has. */
void generic_cmd_randomkey(struct call *c)
{
    uint64_t total = 0;
    int first = 0, shards = call_shard_count(c);
    for (int i = 0; i < shards; i++)
        total += shard_count(call_shard(c, i), c->db);
    if (total) {
        uint64_t at = call_random(c) % total;
        while (at >= shard_count(call_shard(c, first), c->db))
            at -= shard_count(call_shard(c, first++), c->db);
    }
    for (int i = 0; i < shards; i++) {
        struct shard *s = call_shard(c, (first + i) % shards);
        const struct entry *e = shard_random(s, c->db, call_random(c));
        if (e) {
            reply_bulk(c->out, entry_key(e));
            return;
        }
    }
    reply_null(c->out);
}

/* ---- SCAN ---- */

/* As strtoul() reads it, for that is what clients have come to know: one sign, and nothing at all
 * is 0. */
static bool parse_cursor(struct slice s, uint64_t *cursor)
{
    bool negative = s.len && s.ptr[0] == '-';
    size_t i = s.len && (negative || s.ptr[0] == '+');
    uint64_t n = 0;
    if (i && i == s.len)
        return false;
    for (; i < s.len; i++) {
        if (!isdigit((unsigned char)s.ptr[i]) || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(s.ptr[i] - '0'), &n))
            return false;
    }
    *cursor = negative ? -n : n;
    return true;
}

int generic_scan_shard(const struct call *c, int shard_count)
{
    uint64_t cursor;
    return parse_cursor(c->argv[1], &cursor) ? (int)(cursor % (uint64_t)shard_count) : 0;
}

static bool parse_scan(struct call *c, struct names *n, int64_t *count)
{
    for (int i = 2; i < c->argc; i += 2) {
        struct slice word = c->argv[i];
        bool has_value = i + 1 < c->argc;
        if (has_value && slice_is(word, "count")) {
            if (!call_int64(c, i + 1, count))
                return false;
            if (*count < 1) {
                reply_syntax_error(c->out);
                return false;
            }
            if (*count > VISITED_AT_ONCE_MAX)
                *count = VISITED_AT_ONCE_MAX;
        } else if (has_value && slice_is(word, "match")) {
            n->pattern = c->argv[i + 1];
        } else if (has_value && slice_is(word, "type")) {
            n->type = c->argv[i + 1];
        } else {
            reply_syntax_error(c->out);
            return false;
        }
    }
    return true;
}

void generic_cmd_scan(struct call *c)
{
    struct names n = { .call = c, .now_ms = call_now_ms(c) };
    uint64_t cursor, shards = (uint64_t)call_shard_count(c);
    int64_t count = SCAN_COUNT_DEFAULT;
    if (!parse_cursor(c->argv[1], &cursor)) {
        reply_error(c->out, "ERR invalid cursor");
        return;
    }
    if (!parse_scan(c, &n, &count))
        return;
    if (n.pattern.ptr && slice_eq(n.pattern, SLICE("*")))
        n.pattern.ptr = NULL;
    uint64_t shard = cursor % shards, position = cursor / shards & POSITION_MASK;
    position =
        shard_scan(call_shard(c, (int)shard), c->db, position, (size_t)count, names_visit, &n);
    if (n.failed) {
        reply_no_memory(c->out);
        return;
    }
    if (position)
        cursor = position * shards + shard;
    else
        cursor = shard + 1 < shards ? shard + 1 : 0;
    char text[INT64_TEXT_MAX];
    reply_array(c->out, 2);
    reply_bulk(c->out, slice_of(text, (size_t)number_format_uint64(text, cursor)));
    names_reply(&n, c->out);
}
