/* answer: replies in the order of the requests, into the connections. On the home worker. */
#include <assert.h>
#include <errno.h>

#include "kv/engine/engine_internal.h"

static void conn_more(struct reply *r, size_t min_bytes)
{
    struct conn_reply *c = r->owner;
    size_t room;
    if (r->pos != r->start)
        evio_conn_commit(c->conn, (size_t)(r->pos - r->start));
    r->start = r->pos = r->end = NULL;
    c->over = evio_conn_pending_bytes(c->conn) > c->limit_bytes;
    char *at = evio_conn_reserve(c->conn, min_bytes, &room);
    if (!at) {
        r->failed = true;
        return;
    }
    r->start = r->pos = at;
    r->end = at + room;
}

void conn_reply_begin(struct conn_reply *c, struct session *s)
{
    *c = (struct conn_reply){
        .r = { .more = conn_more, .owner = c, .proto = s->proto },
        .conn = s->conn,
        .limit_bytes = s->worker->engine->output_limit_bytes,
    };
}

void conn_reply_end(struct conn_reply *c)
{
    if (c->r.pos != c->r.start)
        evio_conn_commit(c->conn, (size_t)(c->r.pos - c->r.start));
    c->r.start = c->r.pos = c->r.end = NULL;
}

void session_leave_round(struct session *s, bool failed)
{
    struct worker *w = s->worker;
    s->round = NULL;
    s->in_round = 0;
    if (!s->conn) {
        session_free(s);
        return;
    }
    evio_conn_consume(s->conn, s->used_bytes);
    bool more = evio_conn_input(s->conn).len > 0 && s->used_bytes > 0;
    s->used_bytes = 0;
    if (failed) {
        evio_conn_abort(s->conn, -ENOMEM);
        return;
    }
    if (s->closing) {
        evio_conn_close(s->conn);
        return;
    }
    if (s->paused)
        engine_hold_up(s);
    else if (more && !s->blocked)
        engine_session_ready(s);
    else if (evio_conn_eof(s->conn)) /* what is left is no whole command and never will be */
        evio_conn_close(s->conn);
    /* Also of one that waits: so its end is noticed. */
    if (!w->engine->stopping && !s->stalled)
        evio_conn_resume_read(s->conn);
}

static void answer_one(struct round *r, struct queued *q, struct reply *out)
{
    size_t len = q->reply_len;
    if (q->mute)
        return;
    out->proto = q->proto;
    switch ((enum call_place)q->place) {
    case PLACE_DONE:
        out->failed |= q->failed;
        reply_raw(out, r->done.data + q->reply_off, len);
        break;
    case PLACE_HOP:
        reply_raw(out, r->hops[q->shard].out.data + q->reply_off, len);
        break;
    case PLACE_HOLD:
        len = q->hold->out.len;
        reply_raw(out, q->hold->out.data, len);
        break;
    case PLACE_PARTS:
        merge_parts(r, q, out);
        for (int i = 0; i < q->part_count; i++)
            len += q->parts[i]->reply_len;
        break;
    case PLACE_VISIT: /* only parts are there */
    case PLACE_HERE:
        assert(!"a call of one loop in a round of several");
    }
    if (len == 0 && q->place != PLACE_DONE) /* whoever ran it had no memory for the reply */
        out->failed = true;
    if (len > q->session->reply_bytes_max)
        q->session->reply_bytes_max = len;
}

void round_answer(struct round *r)
{
    for (int i = 0; i < r->span_count; i++) {
        struct span *span = &r->spans[i];
        struct session *s = span->session;
        struct conn_reply to;
        if (!s->conn) {
            session_leave_round(s, false);
            continue;
        }
        conn_reply_begin(&to, s);
        s->reply_bytes_max -= s->reply_bytes_max / 8;
        for (int k = span->first; k < span->first + span->count; k++)
            answer_one(r, r->entries[k], &to.r);
        conn_reply_end(&to);
        session_leave_round(s, to.r.failed);
    }
}
