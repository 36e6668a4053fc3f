#include "kv/commands/client_list.h"

#include <inttypes.h>
#include <stdio.h>

#include "kv/commands/client_names.h"
#include "kv/engine/call.h"
#include "kv/engine/worker.h"
#include "kv/session/session.h"

/* ---- names ---- */

bool client_text_ok(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '!' || text.ptr[i] > '~')
            return false;
    }
    return true;
}

bool client_name_ok(struct call *c, struct slice name)
{
    if (client_text_ok(name))
        return true;
    reply_error(c->out, "ERR Client names cannot contain spaces, newlines or special characters.");
    return false;
}

int client_shown(struct slice s)
{
    enum { SHOWN_BYTES = 128 };
    return (int)(s.len < SHOWN_BYTES ? s.len : SHOWN_BYTES);
}

/* ---- filters ---- */

bool client_type_parse(struct call *c, struct slice text, enum client_type *out)
{
    static const struct {
        const char *name;
        enum client_type type;
    } types[] = {
        { "normal", CLIENT_NORMAL }, { "replica", CLIENT_REPLICA }, { "slave", CLIENT_REPLICA },
        { "master", CLIENT_MASTER }, { "pubsub", CLIENT_PUBSUB },
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (slice_is(text, types[i].name)) {
            *out = types[i].type;
            return true;
        }
    }
    reply_errorf(c->out, "ERR Unknown client type '%.*s'", client_shown(text), text.ptr);
    return false;
}

bool client_matches(const struct call *c, const struct session *s, const struct client_filter *f)
{
    char addr[CLIENT_ADDR_BYTES];
    if (f->nobody || (f->id && s->id != f->id))
        return false;
    if (f->type != CLIENT_ANY && f->type != CLIENT_NORMAL) /* nobody is anything else yet */
        return false;
    if (f->skip_me && s->id == c->client_id)
        return false;
    if (f->max_age_s && evio_loop_now_ms(c->worker->loop) - s->created_ms < f->max_age_s * 1000)
        return false;
    if (f->addr.ptr) {
        session_peer(s, addr);
        if (!slice_eq(f->addr, slice_str(addr)))
            return false;
    }
    if (f->laddr.ptr) {
        session_local(s, addr);
        if (!slice_eq(f->laddr, slice_str(addr)))
            return false;
    }
    return true;
}

/* ---- the line ---- */

static void flags_text(const struct session *s, char out[8])
{
    int n = 0;
    if (s->blocked)
        out[n++] = 'b';
    if (s->closing)
        out[n++] = 'c';
    if (s->is_unix)
        out[n++] = 'U';
    if (s->no_evict)
        out[n++] = 'e';
    if (s->no_touch)
        out[n++] = 'T';
    if (n == 0)
        out[n++] = 'N';
    out[n] = '\0';
}

static const char *text_or_empty(const char *text)
{
    return text ? text : "";
}

size_t client_line(const struct session *s, char *out, size_t out_bytes)
{
    char peer[CLIENT_ADDR_BYTES], local[CLIENT_ADDR_BYTES], flags[8];
    int64_t now_ms = evio_loop_now_ms(s->worker->loop);
    size_t in_bytes = s->conn ? evio_conn_input(s->conn).len : 0;
    size_t out_pending = s->conn ? evio_conn_pending_bytes(s->conn) : 0;
    session_peer(s, peer);
    session_local(s, local);
    flags_text(s, flags);
    /* Zero stands where a field has no meaning here: no Pub/Sub, no MULTI, no reply lists. */
    int n =
        snprintf(out, out_bytes,
                 "id=%" PRIu64 " addr=%s laddr=%s fd=%d name=%s age=%" PRId64 " idle=%" PRId64
                 " flags=%s db=%d sub=0 psub=0 ssub=0 multi=-1 qbuf=%zu qbuf-free=0 "
                 "argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=%zu tot-mem=%zu "
                 "events=%s cmd=%s user=default redir=-1 resp=%d lib-name=%.128s "
                 "lib-ver=%.128s\n",
                 s->id, peer, local, s->conn ? evio_conn_fd(s->conn) : -1, text_or_empty(s->name),
                 (now_ms - s->created_ms) / 1000, (now_ms - s->last_ms) / 1000, flags, s->db,
                 in_bytes, out_pending, sizeof(*s) + in_bytes + out_pending,
                 out_pending ? "rw" : "r", s->last_cmd ? s->last_cmd->full_name : "NULL", s->proto,
                 text_or_empty(s->lib_name), text_or_empty(s->lib_ver));
    if (n < 0)
        return 0;
    if ((size_t)n < out_bytes)
        return (size_t)n;
    out[out_bytes - 2] = '\n'; /* a very long name was cut */
    return out_bytes - 1;
}
