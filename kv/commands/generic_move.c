/* generic_move: keys that go to another name or another database. */
#include <limits.h>

#include "kv/base/number.h"
#include "kv/commands/generic_commands.h"
#include "kv/engine/call.h"
#include "kv/server.h"

bool generic_database(struct call *c, int arg, int *db)
{
    int64_t index;
    if (!call_int64(c, arg, &index))
        return false;
    if (index < INT_MIN || index > INT_MAX) {
        reply_errorf(c->out, "ERR value is out of range, value must between %d and %d", INT_MIN,
                     INT_MAX);
        return false;
    }
    if (index < 0 || index >= c->server->config->databases) {
        reply_error(c->out, "ERR DB index is out of range");
        return false;
    }
    *db = (int)index;
    return true;
}

static void reply_same_object(struct call *c)
{
    reply_error(c->out, "ERR source and destination objects are the same");
}

/* ---- COPY ---- */

struct copy_options {
    int db;
    bool replace;
};

static bool parse_copy(struct call *c, struct copy_options *o)
{
    for (int i = 3; i < c->argc; i++) {
        if (slice_is(c->argv[i], "replace")) {
            o->replace = true;
        } else if (slice_is(c->argv[i], "db") && i + 1 < c->argc) {
            if (!generic_database(c, ++i, &o->db))
                return false;
        } else {
            reply_syntax_error(c->out);
            return false;
        }
    }
    return true;
}

void generic_cmd_copy(struct call *c)
{
    struct copy_options o = { .db = c->db };
    struct edit to;
    if (!parse_copy(c, &o))
        return;
    if (o.db == c->db && slice_eq(c->argv[1], c->argv[2])) {
        reply_same_object(c);
        return;
    }
    const struct entry *from = call_find(c, 1);
    if (!from) {
        reply_int(c->out, 0);
        return;
    }
    call_edit_db(c, o.db, 2, &to);
    if (to.entry && !o.replace)
        reply_int(c->out, 0);
    else if (edit_copy(&to, from) < 0)
        reply_no_memory(c->out);
    else
        reply_int(c->out, 1);
}

/* ---- MOVE, RENAME ---- */

struct place {
    int db, arg;
};

/* Takes the entry from one place to another, which is not the same. False: out of memory; nothing
 * changed. */
static bool relocate(struct call *c, struct place from, struct place to)
{
    struct edit source, target;
    call_edit_db(c, from.db, from.arg, &source);
    struct shard *shard = source.shard;
    struct entry *e = edit_take(&source);
    call_edit_db(c, to.db, to.arg, &target);
    if (edit_put(&target, e) == 0)
        return true;
    call_edit_db(c, from.db, from.arg, &source);
    if (edit_put(&source, e) < 0)
        entry_discard(shard, e); /* not even its old place could be had again */
    return false;
}

void generic_cmd_move(struct call *c)
{
    int db;
    if (c->argc > 4) {
        reply_wrong_arity(c->out, c->cmd->full_name);
        return;
    }
    if (c->argc == 4 && !slice_is(c->argv[3], "replace")) {
        reply_syntax_error(c->out);
        return;
    }
    if (!generic_database(c, 2, &db))
        return;
    if (db == c->db) {
        reply_same_object(c);
        return;
    }
    bool replace = c->argc == 4;
    if (!call_peek(c, 1) || (!replace && call_peek_db(c, db, 1)))
        reply_int(c->out, 0);
    else if (!relocate(c, (struct place){ c->db, 1 }, (struct place){ db, 1 }))
        reply_no_memory(c->out);
    else
        reply_int(c->out, 1);
}

/* False: the error is written. *renamed is false as well where source and target are the same, or
 * the target must be new and is not. */
static bool rename_key(struct call *c, bool only_to_new, bool *renamed)
{
    *renamed = false;
    if (!call_peek(c, 1)) {
        reply_error(c->out, "ERR no such key");
        return false;
    }
    if (slice_eq(c->argv[1], c->argv[2]) || (only_to_new && call_peek(c, 2)))
        return true;
    *renamed = relocate(c, (struct place){ c->db, 1 }, (struct place){ c->db, 2 });
    if (!*renamed)
        reply_no_memory(c->out);
    return *renamed;
}

void generic_cmd_rename(struct call *c)
{
    bool renamed;
    if (rename_key(c, false, &renamed))
        reply_ok(c->out);
}

void generic_cmd_renamenx(struct call *c)
{
    bool renamed;
    if (rename_key(c, true, &renamed))
        reply_int(c->out, renamed);
}
