/* keyspace: the commands that work on whole databases, with DEBUG (keyspace_debug.c) among them. */
#include <limits.h>
#include <stddef.h>

#include "kv/base/number.h"
#include "kv/commands/keyspace_commands.h"
#include "kv/engine/call.h"
#include "kv/server.h"

static void cmd_dbsize(struct call *c)
{
    reply_int(c->out, (int64_t)shard_count(call_shard(c, c->shard_index), c->db));
}

/* ASYNC and SYNC are the same here: the keys are gone at once, and no loop waits for their memory
 * to be freed. */
static bool flush_mode_is_known(struct call *c)
{
    if (c->argc == 1)
        return true;
    if (c->argc == 2 && (slice_is(c->argv[1], "async") || slice_is(c->argv[1], "sync")))
        return true;
    reply_syntax_error(c->out);
    return false;
}

static void cmd_flushall(struct call *c)
{
    struct shard *s = call_shard(c, c->shard_index);
    if (!flush_mode_is_known(c))
        return;
    int count = (int)c->server->config->databases;
    for (int db = 0; db < count; db++)
        shard_flush(s, db);
    reply_ok(c->out);
}

static void cmd_flushdb(struct call *c)
{
    if (!flush_mode_is_known(c))
        return;
    shard_flush(call_shard(c, c->shard_index), c->db);
    reply_ok(c->out);
}

static bool database_index(struct call *c, int arg, const char *which, int64_t *index)
{
    if (number_parse_int64(c->argv[arg], index) && *index >= INT_MIN && *index <= INT_MAX)
        return true;
    reply_errorf(c->out, "ERR invalid %s DB index", which);
    return false;
}

static void cmd_swapdb(struct call *c)
{
    int64_t count = c->server->config->databases, a, b;
    if (!database_index(c, 1, "first", &a) || !database_index(c, 2, "second", &b))
        return;
    if (a < 0 || a >= count || b < 0 || b >= count) {
        reply_error(c->out, "ERR DB index is out of range");
        return;
    }
    shard_swap(call_shard(c, c->shard_index), (int)a, (int)b);
    reply_ok(c->out);
}

static const struct cmd_spec specs[] = {
    {
        .name = "dbsize",
        .arity = 1,
        .flags = CMD_READ | CMD_FAST,
        .acl = ACL_KEYSPACE,
        .group = GROUP_SERVER,
        .route = ROUTE_ALL,
        .merge = MERGE_SUM,
        .handler = cmd_dbsize,
        .since = "1.0.0",
        .complexity = "O(1)",
        .summary = "Counts the keys of the database.",
        .tips = "request_policy:all_shards response_policy:agg_sum",
    },
    {
        .name = "debug",
        .arity = -2,
        .flags = CMD_ADMIN | CMD_NOSCRIPT | CMD_LOADING | CMD_STALE,
        .group = GROUP_SERVER,
        .route = ROUTE_HOLD_ALL,
        .handler = keyspace_cmd_debug,
        .since = "1.0.0",
        .complexity = "Depends on the subcommand.",
        .summary = "Groups the commands that help to debug the server.",
    },
    {
        .name = "flushall",
        .arity = -1,
        .flags = CMD_WRITE,
        .acl = ACL_KEYSPACE | ACL_DANGEROUS,
        .group = GROUP_SERVER,
        .route = ROUTE_ALL,
        .merge = MERGE_FIRST,
        .handler = cmd_flushall,
        .since = "1.0.0",
        .complexity = "O(1); the memory is freed later, in slices.",
        .summary = "Deletes the keys of all databases.",
        .args = "[ASYNC | SYNC]",
        .tips = "request_policy:all_shards response_policy:all_succeeded",
        .history = "4.0.0: Added the `ASYNC` flushing mode modifier.\n6.2.0: Added the `SYNC` "
                   "flushing mode modifier.",
    },
    {
        .name = "flushdb",
        .arity = -1,
        .flags = CMD_WRITE,
        .acl = ACL_KEYSPACE | ACL_DANGEROUS,
        .group = GROUP_SERVER,
        .route = ROUTE_ALL,
        .merge = MERGE_FIRST,
        .handler = cmd_flushdb,
        .since = "1.0.0",
        .complexity = "O(1); the memory is freed later, in slices.",
        .summary = "Deletes the keys of the database.",
        .args = "[ASYNC | SYNC]",
        .tips = "request_policy:all_shards response_policy:all_succeeded",
        .history = "4.0.0: Added the `ASYNC` flushing mode modifier.\n6.2.0: Added the `SYNC` "
                   "flushing mode modifier.",
    },
    {
        .name = "swapdb",
        .arity = 3,
        .flags = CMD_WRITE | CMD_FAST,
        .acl = ACL_KEYSPACE | ACL_DANGEROUS,
        .group = GROUP_SERVER,
        .route = ROUTE_ALL,
        .merge = MERGE_FIRST,
        .handler = cmd_swapdb,
        .since = "4.0.0",
        .complexity = "O(1)",
        .summary = "Lets two databases change places.",
        .args = "index1 index2",
    },
    { .name = NULL },
};

const struct cmd_spec *keyspace_command_specs(void)
{
    return specs;
}
