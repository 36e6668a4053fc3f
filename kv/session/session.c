#include "kv/session/session.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kv/engine/engine.h"
#include "kv/engine/worker.h"
#include "kv/server.h"

enum { REPLY_BYTES_ASSUMED = 16 * 1024 }; /* until its replies have been seen */

static void list_append(struct worker *w, struct session *s)
{
    s->prev = w->sessions_tail;
    if (s->prev)
        s->prev->next = s;
    else
        w->sessions = s;
    w->sessions_tail = s;
}

static void list_remove(struct worker *w, struct session *s)
{
    if (s->prev)
        s->prev->next = s->next;
    else
        w->sessions = s->next;
    if (s->next)
        s->next->prev = s->prev;
    else
        w->sessions_tail = s->prev;
}

struct session *session_new(struct worker *w, struct evio_conn *conn)
{
    struct session *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    socklen_t len;
    const struct sockaddr *sa = evio_conn_local_addr(conn, &len);
    s->id = atomic_fetch_add(&w->server->next_client_id, 1);
    s->conn = conn;
    s->worker = w;
    s->proto = 2;
    s->reply_bytes_max = REPLY_BYTES_ASSUMED;
    s->is_unix = sa && sa->sa_family == AF_UNIX;
    s->authenticated = !*w->server->config->requirepass;
    s->created_ms = s->last_ms = evio_loop_now_ms(w->loop);
    resp_parser_init(&s->parser, (size_t)w->server->config->proto_max_bulk_len);
    list_append(w, s);
    counter_add(&w->stats.connections_received, 1);
    counter_add(&w->stats.clients, 1);
    return s;
}

void session_free(struct session *s)
{
    struct worker *w = s->worker;
    assert(!s->conn && !s->round && !s->listed);
    if (s->blocked)
        counter_add(&w->stats.blocked_clients, (uint64_t)-1);
    evio_timer_stop(&s->timer);
    if (s->input_pin)
        evio_conn_unref(s->input_pin);
    counter_add(&w->stats.clients, (uint64_t)-1);
    list_remove(w, s);
    resp_parser_deinit(&s->parser);
    free(s->name);
    free(s->lib_name);
    free(s->lib_ver);
    free(s);
}

static void format_addr(const struct session *s, const struct sockaddr *sa, socklen_t len,
                        char *out)
{
    out[0] = '\0';
    if (s->is_unix)
        snprintf(out, 128, "%.100s:0", s->worker->server->config->unixsocket);
    else if (sa)
        evio_addr_format(sa, len, out, 128);
}

void session_peer(const struct session *s, char *out)
{
    socklen_t len = 0;
    const struct sockaddr *sa = s->conn ? evio_conn_remote_addr(s->conn, &len) : NULL;
    format_addr(s, sa, len, out);
}

void session_local(const struct session *s, char *out)
{
    socklen_t len = 0;
    const struct sockaddr *sa = s->conn ? evio_conn_local_addr(s->conn, &len) : NULL;
    format_addr(s, sa, len, out);
}

int session_set_text(char **field, struct slice text)
{
    char *copy = NULL;
    if (text.len) {
        copy = malloc(text.len + 1);
        if (!copy)
            return -ENOMEM;
        memcpy(copy, text.ptr, text.len);
        copy[text.len] = '\0';
    }
    free(*field);
    *field = copy;
    return 0;
}

void session_reset(struct session *s, bool password_required)
{
    s->db = 0;
    s->proto = 2;
    s->reply_mode = SESSION_REPLY_ON;
    s->no_evict = s->no_touch = false;
    s->authenticated = !password_required;
    session_set_text(&s->name, slice_of("", 0));
}

void session_close_after_reply(struct session *s)
{
    s->closing = true;
}

void session_kill(struct session *s)
{
    s->closing = true;
    if (!s->conn || s->round)
        return; /* closes behind the replies that are due */
    if (evio_conn_pending_bytes(s->conn) > 0)
        evio_conn_abort(s->conn, -ECONNABORTED);
    else
        evio_conn_close(s->conn);
}

/* ---- blocking ---- */

static void unblock(struct session *s)
{
    assert(s->blocked);
    s->blocked = false;
    counter_add(&s->worker->stats.blocked_clients, (uint64_t)-1);
}

/* A deferred reply is short: it is written into a buffer on the stack. */
static void no_room(struct reply *r, size_t min_bytes)
{
    (void)min_bytes;
    r->failed = true;
}

static void timed_out(struct evio_loop *l, struct evio_timer *t)
{
    struct session *s = t->arg;
    char room[256];
    struct reply out = {
        .start = room, .pos = room, .end = room + sizeof(room), .more = no_room, .proto = s->proto
    };
    (void)l;
    unblock(s);
    if (!s->conn)
        return;
    s->on_timeout(s, &out);
    assert(!out.failed);
    if (s->reply_mode == SESSION_REPLY_ON)
        evio_conn_write(s->conn, room, (size_t)(out.pos - room));
    engine_session_ready(s);
    evio_loop_wake(s->worker->loop); /* timers run behind prewrite */
}

void session_block(struct session *s, int64_t timeout_ms,
                   void (*on_timeout)(struct session *s, struct reply *out))
{
    assert(!s->blocked);
    s->blocked = true;
    s->on_timeout = on_timeout;
    counter_add(&s->worker->stats.blocked_clients, 1);
    if (timeout_ms <= 0)
        return;
    s->timer.fn = timed_out;
    s->timer.arg = s;
    evio_timer_start(s->worker->loop, &s->timer, timeout_ms * 1000);
}
