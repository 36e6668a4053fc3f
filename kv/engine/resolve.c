/* resolve: from bytes to calls that know their way: parse, look up, check, find the shards, queue. On the home worker. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "kv/engine/engine_internal.h"
#include "kv/engine/route.h"

enum {
    NAME_SHOWN_BYTES = 128, /* of what the client sent, in errors */
    KEYS_ON_STACK = 64,
};

static void *round_alloc(struct round *r, size_t bytes)
{
    return arena_alloc(&r->arena, bytes);
}

/* ---- answers that need no shard ---- */

static void done_begin(struct round *r, struct queued *q, struct reply *out)
{
    q->place = PLACE_DONE;
    q->reply_off = r->done.len;
    outbuf_begin(&r->done, out, q->proto);
}

static void done_end(struct round *r, struct queued *q, struct reply *out)
{
    outbuf_end(&r->done, out);
    q->reply_len = r->done.len - q->reply_off;
    q->failed = out->failed;
}

static void refuse(struct round *r, struct queued *q, const char *text)
{
    struct reply out;
    done_begin(r, q, &out);
    reply_error(&out, text);
    done_end(r, q, &out);
    counter_add(&r->home->stats.error_replies, 1);
    if (q->call.cmd)
        counter_add(&r->home->cmd_stats[q->call.cmd->id].rejected, 1);
}

static void refuse_unknown(struct round *r, struct queued *q)
{
    char args[NAME_SHOWN_BYTES + 8];
    size_t n = 0;
    for (int i = 1; i < q->call.argc && n < NAME_SHOWN_BYTES; i++) {
        size_t room = NAME_SHOWN_BYTES - n;
        struct slice a = q->call.argv[i];
        n += (size_t)snprintf(args + n, sizeof(args) - n, "'%.*s' ",
                              (int)(a.len < room ? a.len : room), a.ptr);
        if (n >= sizeof(args))
            n = sizeof(args) - 1;
    }
    args[n] = '\0';
    char text[2 * NAME_SHOWN_BYTES + 80];
    struct slice name = q->call.argv[0];
    snprintf(text, sizeof(text), "ERR unknown command '%.*s', with args beginning with: %s",
             (int)(name.len < NAME_SHOWN_BYTES ? name.len : NAME_SHOWN_BYTES), name.ptr, args);
    refuse(r, q, text);
}

static void refuse_unknown_sub(struct round *r, struct queued *q, const struct cmd *parent)
{
    char name[CMD_NAME_MAX_BYTES], text[NAME_SHOWN_BYTES + CMD_NAME_MAX_BYTES + 64];
    size_t i = 0;
    for (; parent->full_name[i]; i++)
        name[i] = (char)toupper((unsigned char)parent->full_name[i]);
    name[i] = '\0';
    struct slice sub = q->call.argv[1];
    snprintf(text, sizeof(text), "ERR unknown subcommand '%.*s'. Try %s HELP.",
             (int)(sub.len < NAME_SHOWN_BYTES ? sub.len : NAME_SHOWN_BYTES), sub.ptr, name);
    refuse(r, q, text);
}

/* ---- checks ---- */

/* The command of the call, after the checks that come before it may run; NULL: refused, the reply is written. */
static const struct cmd *look_up(struct round *r, struct queued *q)
{
    struct server *server = r->home->server;
    const struct cmd *c = cmd_table_find(server->commands, q->call.argv[0]);
    if (!c) {
        refuse_unknown(r, q);
        return NULL;
    }
    if (c->sub_count && q->call.argc > 1) {
        const struct cmd *sub = cmd_find_sub(c, q->call.argv[1]);
        if (!sub) {
            refuse_unknown_sub(r, q, c);
            return NULL;
        }
        c = sub;
    }
    q->call.cmd = c;
    int arity = c->spec->arity;
    if ((arity > 0 && q->call.argc != arity) || q->call.argc < -arity || !c->spec->handler) {
        char text[CMD_NAME_MAX_BYTES + 64];
        snprintf(text, sizeof(text), "ERR wrong number of arguments for '%s' command",
                 c->full_name);
        refuse(r, q, text);
        return NULL;
    }
    if (!q->session->authenticated && !(c->spec->flags & CMD_NO_AUTH)) {
        refuse(r, q, "NOAUTH Authentication required.");
        return NULL;
    }
    return c;
}

/* CLIENT PAUSE holds this one up. */
static bool must_wait(struct worker *w, const struct cmd *c)
{
    struct server *s = w->server;
    int64_t until = atomic_load_explicit(&s->pause_until_ms, memory_order_relaxed);
    if (!until || until <= w->engine->clock_ms)
        return false;
    return !atomic_load_explicit(&s->pause_writes_only, memory_order_relaxed) ||
           (c->spec->flags & (CMD_WRITE | CMD_MAY_REPLICATE));
}

/* ---- routing ---- */

static void hop_add(struct round *r, struct queued *q, int shard)
{
    q->shard = shard;
    q->next_in_hop = NULL;
    struct hop *h = q->place == PLACE_VISIT ? &r->visits[shard] : &r->hops[shard];
    if (!h->count++) {
        h->first = NULL;
        h->last = &h->first;
    }
    *h->last = q;
    h->last = &q->next_in_hop;
}

static void go_to_shard(struct round *r, struct queued *q, int shard)
{
    q->call.shard_index = shard;
    if (r->home->engine->shard_count == 1) {
        q->place = PLACE_HERE;
        q->shard = 0;
        return;
    }
    q->place = PLACE_HOP;
    hop_add(r, q, shard);
}

static struct queued *part_new(struct round *r, const struct queued *whole, int shard, int part)
{
    struct queued *p = round_alloc(r, sizeof(*p));
    if (p) {
        *p = *whole;
        p->place = PLACE_HOP;
        p->call.shard_index = shard;
        p->uncounted = part > 0;
    }
    return p;
}

/* A part on every shard (PLACE_HOP) or every loop (PLACE_VISIT). False: out of memory. */
static bool go_to_all(struct round *r, struct queued *q, enum call_place place)
{
    int n = r->home->engine->shard_count;
    if (n == 1) {
        go_to_shard(r, q, 0);
        return true;
    }
    q->parts = round_alloc(r, sizeof(*q->parts) * (size_t)n);
    if (!q->parts)
        return false;
    for (int i = 0; i < n; i++) {
        if (!(q->parts[i] = part_new(r, q, i, i)))
            return false;
        q->parts[i]->place = (uint8_t)place;
    }
    for (int i = 0; i < n; i++)
        hop_add(r, q->parts[i], i);
    q->part_count = n;
    q->place = PLACE_PARTS;
    return true;
}

static bool go_to_hold(struct round *r, struct queued *q, const int *shards, int count)
{
    q->place = PLACE_HOLD;
    q->hold = hold_new(r, q, shards, count);
    return q->hold != NULL;
}

static bool go_to_hold_all(struct round *r, struct queued *q)
{
    int n = r->home->engine->shard_count;
    if (n == 1) {
        go_to_shard(r, q, 0);
        return true;
    }
    int *all = round_alloc(r, sizeof(*all) * (size_t)n);
    if (!all)
        return false;
    for (int i = 0; i < n; i++)
        all[i] = i;
    return go_to_hold(r, q, all, n);
}

/* The keys of a call and their shards. */
struct key_map {
    const int *indexes;
    uint64_t *hashes;
    int *shards;
    int count;
};

/* The part of q on one shard: argv[0] and, for each key there, its group of arguments. */
static bool part_fill(struct round *r, struct queued *q, const struct key_map *m, int shard,
                      int part)
{
    int step = q->call.cmd->spec->keys.step, keys = 0;
    for (int i = 0; i < m->count; i++)
        keys += m->shards[i] == shard;
    struct queued *p = part_new(r, q, shard, part);
    struct slice *argv = round_alloc(r, sizeof(*argv) * (size_t)(1 + keys * step));
    uint64_t *hashes = round_alloc(r, sizeof(*hashes) * (size_t)keys);
    if (!p || !argv || !hashes)
        return false;
    argv[0] = q->call.argv[0];
    int argc = 1, n = 0;
    for (int i = 0; i < m->count; i++) {
        if (m->shards[i] != shard)
            continue;
        memcpy(&argv[argc], &q->call.argv[m->indexes[i]], sizeof(*argv) * (size_t)step);
        argc += step;
        hashes[n++] = m->hashes[i];
        q->part_of_key[i] = (uint16_t)part;
    }
    p->call.argv = argv;
    p->call.argc = argc;
    p->call.hash = hashes[0];
    p->call.hashes = hashes;
    p->key_count = keys;
    q->parts[part] = p;
    return true;
}

static bool go_to_parts(struct round *r, struct queued *q, const struct key_map *m,
                        const int *shards, int shard_count)
{
    q->parts = round_alloc(r, sizeof(*q->parts) * (size_t)shard_count);
    q->part_of_key = round_alloc(r, sizeof(*q->part_of_key) * (size_t)m->count);
    if (!q->parts || !q->part_of_key)
        return false;
    q->key_count = m->count;
    q->part_count = shard_count;
    for (int i = 0; i < shard_count; i++) {
        if (!part_fill(r, q, m, shards[i], i))
            return false;
    }
    for (int i = 0; i < shard_count; i++)
        hop_add(r, q->parts[i], shards[i]);
    q->place = PLACE_PARTS;
    return true;
}

/* The distinct shards of the keys, in ascending order. */
static int distinct_shards(const struct engine *e, const struct key_map *m, int *out)
{
    int n = 0;
    for (int shard = 0; shard < e->shard_count; shard++) {
        for (int i = 0; i < m->count; i++) {
            if (m->shards[i] == shard) {
                out[n++] = shard;
                break;
            }
        }
    }
    return n;
}

static bool go_by_keys(struct round *r, struct queued *q)
{
    struct worker *w = r->home;
    struct engine *e = w->engine;
    struct call *c = &q->call;
    const struct cmd_spec *spec = c->cmd->spec;
    uint64_t seed = w->server->hash_seed;
    if (spec->keys.first == spec->keys.last && !spec->keys.count_at) {
        struct slice name = c->argv[spec->keys.first];
        c->hash = hash_bytes(name, seed);
        go_to_shard(r, q,
                    e->shard_count == 1 ? 0 : route_shard(name, c->hash, seed, e->shard_count));
        return true;
    }
    int stack[KEYS_ON_STACK], *indexes = stack;
    struct key_map m = { .count = cmd_keys(spec, c->argv, c->argc, stack, KEYS_ON_STACK) };
    if (m.count <= 0) { /* the handler says what is wrong with it */
        c->hash = hash_bytes(c->argv[spec->keys.first], seed);
        go_to_shard(r, q, w->index);
        return true;
    }
    if (m.count > KEYS_ON_STACK) {
        indexes = round_alloc(r, sizeof(*indexes) * (size_t)m.count);
        if (!indexes)
            return false;
        cmd_keys(spec, c->argv, c->argc, indexes, m.count);
    }
    m.indexes = indexes;
    m.hashes = round_alloc(r, sizeof(*m.hashes) * (size_t)m.count);
    m.shards = round_alloc(r, sizeof(*m.shards) * (size_t)m.count);
    int *shards = round_alloc(r, sizeof(*shards) * (size_t)e->shard_count);
    if (!m.hashes || !m.shards || !shards)
        return false;
    for (int i = 0; i < m.count; i++) {
        struct slice name = c->argv[indexes[i]];
        m.hashes[i] = hash_bytes(name, seed);
        m.shards[i] =
            e->shard_count == 1 ? 0 : route_shard(name, m.hashes[i], seed, e->shard_count);
    }
    c->hash = m.hashes[0];
    c->hashes = m.hashes;
    q->key_count = m.count;
    int count = distinct_shards(e, &m, shards);
    if (count == 1) {
        go_to_shard(r, q, shards[0]);
        return true;
    }
    if (spec->merge == MERGE_HOLD)
        return go_to_hold(r, q, shards, count);
    return go_to_parts(r, q, &m, shards, count);
}

static void run_session_call(struct round *r, struct queued *q)
{
    struct session *s = q->session;
    struct reply out;
    q->call.session = s;
    r->home->engine->now_ms = r->home->engine->clock_ms;
    done_begin(r, q, &out);
    run_call(r->home, q, &out);
    done_end(r, q, &out);
    q->proto = s->proto;
}

/* Sends the call on its way. False: out of memory. */
static bool route(struct round *r, struct queued *q)
{
    const struct cmd_spec *spec = q->call.cmd->spec;
    switch ((enum cmd_route)spec->route) {
    case ROUTE_SESSION:
    case ROUTE_LOCAL:
        run_session_call(r, q);
        return true;
    case ROUTE_KEYS:
        return go_by_keys(r, q);
    case ROUTE_ALL:
        return go_to_all(r, q, PLACE_HOP);
    case ROUTE_LOOPS:
        return go_to_all(r, q, PLACE_VISIT);
    case ROUTE_HOLD_ALL:
        return go_to_hold_all(r, q);
    case ROUTE_SHARD:
        go_to_shard(r, q, spec->shard_of(&q->call, r->home->engine->shard_count));
        return true;
    }
    assert(!"route");
    return false;
}

/* ---- a session's input ---- */

static struct queued *queue_call(struct round *r, struct session *s, const struct resp_cmd *cmd)
{
    struct queued *q = round_alloc(r, sizeof(*q));
    if (!q)
        return NULL;
    *q = (struct queued){
        .call = { .argv = cmd->argv,
                  .argc = cmd->argc,
                  .db = s->db,
                  .server = r->home->server,
                  .client_id = s->id,
                  .scratch = &r->home->engine->scratch,
                  .local_peer = s->local_peer,
                  .no_touch = s->no_touch },
        .session = s,
        .input_offset = s->used_bytes,
        .proto = s->proto,
    };
    return q;
}

enum add_result {
    ADD_NEXT, /* queued, go on */
    ADD_LAST, /* queued, nothing more of this session until the round is done */
    ADD_WAIT, /* not queued: later */
    ADD_NOMEM,
};

static enum add_result add_call(struct round *r, struct session *s, const struct resp_cmd *cmd)
{
    struct queued *q = queue_call(r, s, cmd);
    if (!q)
        return ADD_NOMEM;
    const struct cmd *c = look_up(r, q);
    if (c) {
        if (must_wait(r->home, c)) {
            s->paused = true;
            return ADD_WAIT;
        }
        if (c->spec->route == ROUTE_LOCAL && s->in_round > 0)
            return ADD_WAIT;
        s->last_cmd = c;
    }
    /* CLIENT REPLY SKIP was the call before. CLIENT REPLY itself sets the mode: OFF and SKIP are silent, ON is not. */
    bool skip = s->reply_mode == SESSION_REPLY_SKIP_NEXT;
    if (skip)
        s->reply_mode = SESSION_REPLY_ON;
    if (c && !route(r, q))
        return ADD_NOMEM;
    if (s->reply_mode == SESSION_REPLY_ON_NOW) {
        s->reply_mode = SESSION_REPLY_ON;
        skip = false;
    }
    q->mute = skip || s->reply_mode != SESSION_REPLY_ON;
    r->entries[r->entry_count++] = q;
    s->in_round++;
    s->commands++;
    bool last = s->closing || s->blocked || q->place == PLACE_HOLD;
    return last ? ADD_LAST : ADD_NEXT;
}

static void protocol_error(struct round *r, struct session *s, const char *what)
{
    struct resp_cmd none = { 0 };
    struct queued *q = queue_call(r, s, &none);
    s->closing = true;
    counter_add(&r->home->stats.protocol_errors, 1);
    if (!q)
        return;
    char text[128];
    snprintf(text, sizeof(text), "ERR %s", what);
    refuse(r, q, text);
    r->entries[r->entry_count++] = q;
    s->in_round++;
}

/* Parses until something ends it. False: out of memory. */
static bool add_calls(struct round *r, struct session *s, int max)
{
    struct evio_slice in = evio_conn_input(s->conn);
    while (s->in_round < max) {
        struct slice rest = slice_of(in.ptr + s->used_bytes, in.len - s->used_bytes);
        struct resp_cmd cmd;
        if (rest.len == 0)
            return true;
        switch (resp_parse(&s->parser, rest, &r->arena, &cmd)) {
        case RESP_OK:
            switch (add_call(r, s, &cmd)) {
            case ADD_NEXT:
                s->used_bytes += cmd.used;
                continue;
            case ADD_LAST:
                s->used_bytes += cmd.used;
                return true;
            case ADD_WAIT:
                return true;
            case ADD_NOMEM:
                return false;
            }
            continue;
        case RESP_EMPTY:
            s->used_bytes += cmd.used;
            continue;
        case RESP_MORE:
            return true;
        case RESP_ERROR:
            protocol_error(r, s, cmd.error);
            return true;
        case RESP_NOMEM:
            return false;
        }
    }
    return true;
}

/* How many calls this session may have in flight: replies that were large before may be so again, and what waits to be sent
 * must stay near the limit. */
static int calls_allowed(const struct session *s, int room, size_t limit)
{
    size_t n = limit / (s->reply_bytes_max + 64) + 1;
    return n < (size_t)room ? (int)n : room;
}

void round_add_session(struct round *r, struct session *s)
{
    assert(!s->round && s->conn && !s->closing && !s->blocked && !s->paused);
    struct worker *w = r->home;
    size_t limit = w->engine->output_limit_bytes;
    int first = r->entry_count;
    s->used_bytes = 0;
    s->in_round = 0;
    s->parser.unauthenticated = !s->authenticated;
    s->parser.bulk_max_bytes = (size_t)w->server->config->proto_max_bulk_len;
    s->last_ms = evio_loop_now_ms(w->loop);
    if (!add_calls(r, s, calls_allowed(s, ROUND_CALLS_MAX - first, limit))) {
        /* The calls before it are in hops already: they run, and their input must live until then. */
        s->closing = true;
        evio_conn_abort(s->conn, -ENOMEM);
    }
    if (s->in_round == 0) {
        session_leave_round(s, false);
        return;
    }
    s->round = r;
    r->spans[r->span_count++] = (struct span){ .session = s, .first = first, .count = s->in_round };
}
