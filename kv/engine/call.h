/* call: one command being run: what a handler sees. The handler reads arguments, makes store calls through call_find and
 * call_edit, and writes one reply to c->out. It never asks which thread it is on: the engine runs it where all shards that
 * its keys lie on are held, and arity and authentication have been checked.
 *
 * Ownership: arguments are borrowed until the handler returns. */
#ifndef KV_ENGINE_CALL_H
#define KV_ENGINE_CALL_H

#include <stdint.h>

#include "kv/base/arena.h"
#include "kv/base/slice.h"
#include "kv/commands/table.h"
#include "kv/resp/reply.h"
#include "kv/store/shard.h"

struct server;
struct session;
struct worker;

struct call {
    const struct cmd *cmd;
    const struct slice *argv;
    int argc;
    int db;
    uint64_t hash;          /* of the first key, when there is one */
    const uint64_t *hashes; /* of all keys in order, NULL: hash is all there is */
    uint64_t client_id;     /* the session that asked, also where `session` is NULL */
    struct reply *out;
    struct server *server;
    struct worker *worker;   /* that runs it: its clients, its counters */
    struct session *session; /* ROUTE_SESSION and ROUTE_LOCAL only, else NULL */
    struct arena *scratch;   /* lives until the handler returns */
    int shard_index;         /* ROUTE_ALL, ROUTE_SHARD: on which shard this part runs */
    bool local_peer;         /* the client is on this machine */
    bool no_touch;           /* CLIENT NO-TOUCH: reading does not renew idle times */
};

/* The key at argv[arg]. */
struct key call_key(const struct call *c, int arg);
/* In the call's database. For keys of the call only: other shards are not held. */
struct entry *call_find(struct call *c, int arg);
struct entry *call_peek(struct call *c, int arg);
void call_edit(struct call *c, int arg, struct edit *ed);
/* The same in another database (MOVE, COPY). */
struct entry *call_peek_db(struct call *c, int db, int arg);
void call_edit_db(struct call *c, int db, int arg, struct edit *ed);

struct shard *call_shard(const struct call *c,
                         int index); /* must be held: own part's, or any under ROUTE_HOLD_ALL */
int call_shard_count(const struct call *c);
int64_t call_now_ms(const struct call *c); /* Unix time, the same through the call */
uint64_t call_random(struct call *c);

/* NULL, and the error reply is written, unless the entry is a string; a missing key is NULL without a reply: *ok tells. */
struct entry *call_find_string(struct call *c, int arg, bool *ok);
/* False, and the error reply is written: argv[arg] is no integer. */
bool call_int64(struct call *c, int arg, int64_t *out);

#endif
