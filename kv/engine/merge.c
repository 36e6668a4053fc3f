/* merge: one reply out of those of a call's parts. The parts' replies are ours, so their form is known; an error in one of
 * them is the reply of the whole. */
#include <assert.h>
#include <stdlib.h>

#include "kv/engine/engine_internal.h"

static struct slice part_reply(const struct round *r, const struct queued *part)
{
    const struct hop *from = part->place == PLACE_VISIT ? r->visits : r->hops;
    const struct outbuf *b = &from[part->shard].out;
    return slice_of(b->data + part->reply_off, part->reply_len);
}

/* The number in a reply's first line; *body is what follows the line. */
static int64_t header_number(struct slice s, struct slice *body)
{
    size_t i = 1;
    bool negative = s.len > 1 && s.ptr[1] == '-';
    int64_t n = 0;
    for (i += negative; i < s.len && s.ptr[i] != '\r'; i++)
        n = n * 10 + (s.ptr[i] - '0');
    assert(i + 1 < s.len);
    *body = slice_of(s.ptr + i + 2, s.len - i - 2);
    return negative ? -n : n;
}

static void merge_sum(struct round *r, struct queued *q, struct reply *out)
{
    int64_t sum = 0;
    struct slice rest;
    for (int i = 0; i < q->part_count; i++)
        sum += header_number(part_reply(r, q->parts[i]), &rest);
    if (!q->call.cmd->spec->merged) {
        reply_int(out, sum);
        return;
    }
    q->call.out = out;
    q->call.worker = r->home;
    q->call.cmd->spec->merged(&q->call, sum);
}

static void merge_concat(struct round *r, struct queued *q, struct reply *out)
{
    int64_t count = 0;
    struct slice body;
    for (int i = 0; i < q->part_count; i++)
        count += header_number(part_reply(r, q->parts[i]), &body);
    reply_array(out, count);
    for (int i = 0; i < q->part_count; i++) {
        header_number(part_reply(r, q->parts[i]), &body);
        reply_raw(out, body.ptr, body.len);
    }
}

static void merge_by_key(struct round *r, struct queued *q, struct reply *out)
{
    struct slice *rest = arena_alloc(&r->arena, sizeof(*rest) * (size_t)q->part_count);
    if (!rest) {
        out->failed = true;
        return;
    }
    for (int i = 0; i < q->part_count; i++)
        header_number(part_reply(r, q->parts[i]), &rest[i]);
    reply_array(out, q->key_count);
    for (int i = 0; i < q->key_count; i++) {
        struct slice *s = &rest[q->part_of_key[i]];
        size_t n = reply_measure(*s);
        assert(n > 0);
        reply_raw(out, s->ptr, n);
        *s = slice_of(s->ptr + n, s->len - n);
    }
}

static void merge_text(struct round *r, struct queued *q, struct reply *out)
{
    size_t len = 0;
    char type = *part_reply(r, q->parts[0]).ptr;
    size_t head = type == '=' ? 4 : 0; /* "txt:" */
    struct slice body;
    for (int i = 0; i < q->part_count; i++)
        len += (size_t)header_number(part_reply(r, q->parts[i]), &body) - head;
    char line[32];
    int n = snprintf(line, sizeof(line), "%c%zu\r\n%s", type, len + head, head ? "txt:" : "");
    reply_raw(out, line, (size_t)n);
    for (int i = 0; i < q->part_count; i++) {
        size_t size = (size_t)header_number(part_reply(r, q->parts[i]), &body);
        reply_raw(out, body.ptr + head, size - head);
    }
    reply_raw(out, "\r\n", 2);
}

void merge_parts(struct round *r, struct queued *q, struct reply *out)
{
    for (int i = 0; i < q->part_count; i++) {
        struct slice s = part_reply(r, q->parts[i]);
        if (s.len == 0) { /* its worker ran out of memory */
            out->failed = true;
            return;
        }
        if (s.ptr[0] == '-' || s.ptr[0] == '!') {
            reply_raw(out, s.ptr, s.len);
            return;
        }
    }
    switch ((enum cmd_merge)q->call.cmd->spec->merge) {
    case MERGE_SUM:
        merge_sum(r, q, out);
        return;
    case MERGE_FIRST:
        reply_raw(out, part_reply(r, q->parts[0]).ptr, q->parts[0]->reply_len);
        return;
    case MERGE_BY_KEY:
        merge_by_key(r, q, out);
        return;
    case MERGE_CONCAT:
        merge_concat(r, q, out);
        return;
    case MERGE_TEXT:
        merge_text(r, q, out);
        return;
    case MERGE_HOLD:
        break;
    }
    assert(!"a call that holds has no parts");
}
