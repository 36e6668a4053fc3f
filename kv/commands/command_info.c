/* command_info: COMMAND INFO's form of a row. */
#include "kv/commands/command_info.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "kv/resp/reply.h"

struct flag_name {
    uint32_t flag;
    const char *name;
};

static const struct flag_name flag_names[] = {
    { CMD_WRITE, "write" },
    { CMD_READ, "readonly" },
    { CMD_DENYOOM, "denyoom" },
    { CMD_ADMIN, "admin" },
    { CMD_PUBSUB, "pubsub" },
    { CMD_NOSCRIPT, "noscript" },
    { CMD_BLOCKING, "blocking" },
    { CMD_LOADING, "loading" },
    { CMD_STALE, "stale" },
    { CMD_SKIP_MONITOR, "skip_monitor" },
    { CMD_SKIP_SLOWLOG, "skip_slowlog" },
    { CMD_FAST, "fast" },
    { CMD_NO_AUTH, "no_auth" },
    { CMD_MAY_REPLICATE, "may_replicate" },
    { CMD_NO_MANDATORY_KEYS, "no_mandatory_keys" },
    { CMD_NO_ASYNC_LOADING, "no_async_loading" },
    { CMD_NO_MULTI, "no_multi" },
    { CMD_ALLOW_BUSY, "allow_busy" },
};

static const struct flag_name key_flag_names[] = {
    { KEY_RO, "RO" },         { KEY_RW, "RW" },         { KEY_OW, "OW" },
    { KEY_RM, "RM" },         { KEY_ACCESS, "access" }, { KEY_UPDATE, "update" },
    { KEY_INSERT, "insert" }, { KEY_DELETE, "delete" }, { KEY_VARIABLE_FLAGS, "variable_flags" },
};

enum {
    FLAG_COUNT = sizeof(flag_names) / sizeof(flag_names[0]),
    KEY_FLAG_COUNT = sizeof(key_flag_names) / sizeof(key_flag_names[0]),
};

static void reply_flags(struct reply *out, const struct flag_name *names, int count, uint32_t flags)
{
    int set = 0;
    for (int i = 0; i < count; i++)
        set += (flags & names[i].flag) != 0;
    reply_set(out, set);
    for (int i = 0; i < count; i++) {
        if (flags & names[i].flag)
            reply_status(out, names[i].name);
    }
}

void command_reply_key_flags(struct reply *out, uint16_t flags)
{
    reply_flags(out, key_flag_names, KEY_FLAG_COUNT, flags);
}

/* Where the keys are cannot be told from their positions alone. */
static bool keys_move(const struct cmd_spec *spec)
{
    return spec->keys.count_at != 0;
}

static void reply_command_flags(struct reply *out, const struct cmd_spec *spec)
{
    int set = keys_move(spec);
    for (int i = 0; i < FLAG_COUNT; i++)
        set += (spec->flags & flag_names[i].flag) != 0;
    reply_set(out, set);
    for (int i = 0; i < FLAG_COUNT; i++) {
        if (flag_names[i].flag == CMD_ALLOW_BUSY && keys_move(spec))
            reply_status(out, "movablekeys");
        if (spec->flags & flag_names[i].flag)
            reply_status(out, flag_names[i].name);
    }
}

/* ---- categories ---- */

int command_categories(const struct cmd *cmd, const char *out[COMMAND_CATEGORIES_MAX])
{
    const struct cmd_spec *s = cmd->spec;
    bool admin = (s->flags & CMD_ADMIN) || (s->acl & ACL_ADMIN);
    /* A container is not itself of its group. */
    bool connection =
        (s->acl & ACL_CONNECTION) || (s->group == GROUP_CONNECTION && cmd->sub_count == 0);
    const struct {
        bool has;
        const char *name;
    } all[] = {
        { s->acl & ACL_KEYSPACE, "keyspace" },
        { (s->flags & CMD_READ) && !(s->acl & ACL_SCRIPTING), "read" },
        { (s->flags & CMD_WRITE) && !(s->acl & ACL_SCRIPTING), "write" },
        { s->group == GROUP_STRING, "string" },
        { s->flags & CMD_PUBSUB, "pubsub" },
        { admin, "admin" },
        { s->flags & CMD_FAST, "fast" },
        { !(s->flags & CMD_FAST), "slow" },
        { s->flags & CMD_BLOCKING, "blocking" },
        { (s->flags & CMD_ADMIN) || (s->acl & ACL_DANGEROUS), "dangerous" },
        { connection, "connection" },
        { s->acl & ACL_TRANSACTION, "transaction" },
        { s->acl & ACL_SCRIPTING, "scripting" },
    };
    int count = 0;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i].has)
            out[count++] = all[i].name;
    }
    assert(count < COMMAND_CATEGORIES_MAX);
    out[count] = NULL;
    return count;
}

static void reply_categories(struct reply *out, const struct cmd *cmd)
{
    const char *names[COMMAND_CATEGORIES_MAX];
    int count = command_categories(cmd, names);
    reply_set(out, count);
    for (int i = 0; i < count; i++) {
        char text[40];
        snprintf(text, sizeof(text), "@%s", names[i]);
        reply_status(out, text);
    }
}

/* ---- tips ---- */

static void reply_tips(struct reply *out, const char *tips)
{
    int count = 0;
    for (const char *p = tips; p && *p; count++) {
        p += strcspn(p, " ");
        p += strspn(p, " ");
    }
    reply_set(out, count);
    for (const char *p = tips; p && *p;) {
        size_t n = strcspn(p, " ");
        reply_bulk(out, slice_of(p, n));
        p += n + strspn(p + n, " ");
    }
}

/* ---- keys ---- */

/* Two keys that are used differently have a specification each. */
int command_key_spec_count(const struct cmd_spec *spec)
{
    if (!spec->keys.first)
        return 0;
    return spec->keys.flags2 ? 2 : 1;
}

static void reply_begin_search(struct reply *out, int index)
{
    reply_bulk_str(out, "begin_search");
    reply_map(out, 2);
    reply_bulk_str(out, "type");
    reply_bulk_str(out, "index");
    reply_bulk_str(out, "spec");
    reply_map(out, 1);
    reply_bulk_str(out, "index");
    reply_int(out, index);
}

static void reply_find_keys(struct reply *out, const char *type, const char *const names[3],
                            const int values[3])
{
    reply_bulk_str(out, "find_keys");
    reply_map(out, 2);
    reply_bulk_str(out, "type");
    reply_bulk_str(out, type);
    reply_bulk_str(out, "spec");
    reply_map(out, 3);
    for (int i = 0; i < 3; i++) {
        reply_bulk_str(out, names[i]);
        reply_int(out, values[i]);
    }
}

static void reply_key_spec(struct reply *out, const struct cmd_keys *k, int which, int spec_count)
{
    static const char *const range[3] = { "lastkey", "keystep", "limit" };
    static const char *const counted[3] = { "keynumidx", "firstkey", "keystep" };
    reply_map(out, 3);
    reply_bulk_str(out, "flags");
    command_reply_key_flags(out, which ? k->flags2 : k->flags);
    if (k->count_at) {
        reply_begin_search(out, k->count_at);
        reply_find_keys(out, "keynum", counted, (int[3]){ 0, k->first - k->count_at, k->step });
        return;
    }
    int last = spec_count > 1 ? 0 : k->last < 0 ? k->last : k->last - k->first;
    reply_begin_search(out, k->first + which * k->step);
    reply_find_keys(out, "range", range, (int[3]){ last, spec_count > 1 ? 1 : k->step, 0 });
}

void command_reply_info(struct reply *out, const struct cmd *cmd)
{
    if (!cmd) {
        reply_null(out);
        return;
    }
    const struct cmd_spec *spec = cmd->spec;
    bool fixed = !keys_move(spec);
    int spec_count = command_key_spec_count(spec);
    reply_array(out, 10);
    reply_bulk_str(out, cmd->full_name);
    reply_int(out, spec->arity);
    reply_command_flags(out, spec);
    reply_int(out, fixed ? spec->keys.first : 0);
    reply_int(out, fixed ? spec->keys.last : 0);
    reply_int(out, fixed ? spec->keys.step : 0);
    reply_categories(out, cmd);
    reply_tips(out, spec->tips);
    reply_set(out, spec_count);
    for (int i = 0; i < spec_count; i++)
        reply_key_spec(out, &spec->keys, i, spec_count);
    if (cmd->sub_count == 0)
        reply_set(out, 0);
    else
        reply_array(out, cmd->sub_count);
    for (int i = 0; i < cmd->sub_count; i++)
        command_reply_info(out, &cmd->subs[i]);
}
