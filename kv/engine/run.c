/* run: calls on the worker that holds their shards. The memory that a group of calls will touch is fetched in two passes
 * before the first of them runs: the buckets, then the entries. Memory latency is paid once a group. */
#include <assert.h>
#include <time.h>

#include "kv/engine/engine_internal.h"

enum { KEYS_FETCHED_MAX = 64 }; /* of one call */

static int64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void run_call(struct worker *w, struct queued *q, struct reply *out)
{
    struct engine *e = w->engine;
    struct call *c = &q->call;
    struct cmd_stats *stats = &w->cmd_stats[c->cmd->id];
    uint64_t errors = out->error_count;
    bool timed = !(++e->sample & ((1u << COMMAND_SAMPLE_SHIFT) - 1));
    int64_t begin = timed ? clock_ns() : 0;
    c->worker = w;
    c->out = out;
    c->scratch = &e->scratch;
    out->proto = q->proto;
    c->cmd->spec->handler(c);
    if (timed) {
        uint64_t us = (uint64_t)(((clock_ns() - begin) << COMMAND_SAMPLE_SHIFT) / 1000);
        counter_add(&stats->usec, us);
    }
    if (!q->uncounted) {
        counter_add(&stats->calls, 1);
        counter_add(&w->stats.commands, 1);
    }
    if (out->error_count != errors) {
        counter_add(&stats->failed, 1);
        counter_add(&w->stats.error_replies, 1);
    }
    if (e->scratch.current)
        arena_reset(&e->scratch);
}

static bool has_keys(const struct queued *q)
{
    return q->call.cmd && q->call.cmd->spec->keys.first && q->place != PLACE_DONE;
}

typedef void (*fetch_key)(const struct shard *s, int db, uint64_t hash);

static void fetch_keys(const struct shard *s, const struct queued *q, fetch_key fetch)
{
    if (!q->call.hashes) {
        fetch(s, q->call.db, q->call.hash);
        return;
    }
    int count = q->key_count < KEYS_FETCHED_MAX ? q->key_count : KEYS_FETCHED_MAX;
    for (int i = 0; i < count; i++)
        fetch(s, q->call.db, q->call.hashes[i]);
}

static void fetch_group(const struct shard *s, struct queued *const *group, int count)
{
    if (count < 2)
        return;
    for (int i = 0; i < count; i++) {
        if (has_keys(group[i]))
            fetch_keys(s, group[i], shard_prefetch_bucket);
    }
    for (int i = 0; i < count; i++) {
        if (has_keys(group[i]))
            fetch_keys(s, group[i], shard_prefetch_entry);
    }
}

void run_hop(struct worker *w, struct shard *shard, struct hop *h)
{
    struct queued *group[PREFETCH_GROUP];
    struct reply out;
    if (shard)
        w->engine->now_ms = shard_now(shard);
    outbuf_reset(&h->out);
    outbuf_begin(&h->out, &out, 2);
    for (struct queued *q = h->first; q;) {
        int n = 0;
        for (; q && n < PREFETCH_GROUP; q = q->next_in_hop)
            group[n++] = q;
        if (shard)
            fetch_group(shard, group, n);
        for (int i = 0; i < n; i++) {
            group[i]->reply_off = out.failed ? 0 : (size_t)(out.pos - h->out.data);
            run_call(w, group[i], &out);
            group[i]->reply_len =
                out.failed ? 0 : (size_t)(out.pos - h->out.data) - group[i]->reply_off;
        }
    }
    outbuf_end(&h->out, &out);
    counter_add(&w->stats.batches, 1);
}

/* One call of a round on one loop. */
static void run_one_here(struct worker *w, struct round *r, struct queued *q, struct conn_reply *to)
{
    struct reply nowhere;
    struct reply *out = &to->r;
    if (q->mute) {
        reply_discard_init(&nowhere, w->engine->discard, sizeof(w->engine->discard), q->proto);
        out = &nowhere;
    }
    if (q->place != PLACE_DONE)
        run_call(w, q, out);
    else if (q->failed)
        to->r.failed = true;
    else
        reply_raw(out, r->done.data + q->reply_off, q->reply_len);
}

/* The client has more replies waiting than it may: the rest of what it sent may be left in its input, to be parsed again when
 * it has taken some, unless parsing it has already changed the session. CLIENT REPLY SKIP is used up by the call it mutes. */
static bool may_unread(const struct round *r, int from, int end)
{
    if (r->entries[from]->mute)
        return false;
    for (int i = from; i < end; i++) {
        if (r->entries[i]->place != PLACE_HERE)
            return false;
    }
    return true;
}

/* The parser may have seen the beginning of the command behind them: that was somewhere else in the input. */
static void unread(struct session *s, const struct queued *first, int count)
{
    s->used_bytes = first->input_offset;
    s->commands -= (uint64_t)count;
    resp_parser_forget(&s->parser);
}

/* Reading ahead is dear to a client with large replies: the next rounds take fewer of its calls. */
static void note_reply_bytes(struct session *s, size_t bytes, int calls)
{
    size_t each = bytes / (size_t)calls;
    s->reply_bytes_max -= s->reply_bytes_max / 8;
    if (each > s->reply_bytes_max)
        s->reply_bytes_max = each;
}

void run_here(struct round *r)
{
    struct worker *w = r->home;
    int fetched = 0;
    w->engine->now_ms = w->engine->clock_ms;
    for (int i = 0; i < r->span_count; i++) {
        struct span *span = &r->spans[i];
        struct session *s = span->session;
        int end = span->first + span->count;
        size_t pending = evio_conn_pending_bytes(s->conn);
        struct conn_reply to;
        conn_reply_begin(&to, s);
        for (int k = span->first; k < end; k++) {
            if (k >= fetched) {
                int n = r->entry_count - k < PREFETCH_GROUP ? r->entry_count - k : PREFETCH_GROUP;
                fetch_group(w->shard, &r->entries[k], n);
                fetched = k + n;
            }
            if (to.over && may_unread(r, k, end)) {
                unread(s, r->entries[k], end - k);
                end = k;
                break;
            }
            run_one_here(w, r, r->entries[k], &to);
        }
        conn_reply_end(&to);
        note_reply_bytes(s, evio_conn_pending_bytes(s->conn) - pending, end - span->first);
        session_leave_round(s, to.r.failed);
    }
    counter_add(&w->stats.batches, 1);
}
