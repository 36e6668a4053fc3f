/* command: COMMAND and its subcommands. The table does not change after the start, so they run
 * at once. */
#include <stdio.h>

#include "kv/base/glob.h"
#include "kv/commands/command_info.h"
#include "kv/engine/call.h"
#include "kv/server.h"

/* "get" or "client|list". */
static const struct cmd *find(const struct call *c, struct slice name)
{
    const struct cmd_table *t = c->server->commands;
    const char *bar = name.len ? memchr(name.ptr, '|', name.len) : NULL;
    if (!bar)
        return cmd_table_find(t, name);
    size_t n = (size_t)(bar - name.ptr);
    const struct cmd *parent = cmd_table_find(t, slice_of(name.ptr, n));
    return parent ? cmd_find_sub(parent, slice_of(bar + 1, name.len - n - 1)) : NULL;
}

/* ---- COMMAND, COUNT, INFO, DOCS ---- */

static void cmd_command(struct call *c)
{
    const struct cmd_table *t = c->server->commands;
    reply_array(c->out, cmd_table_count(t));
    for (int i = 0; i < cmd_table_count(t); i++)
        command_reply_info(c->out, cmd_table_at(t, i));
}

static void cmd_command_count(struct call *c)
{
    reply_int(c->out, cmd_table_count(c->server->commands));
}

static void cmd_command_info(struct call *c)
{
    if (c->argc == 2) {
        cmd_command(c);
        return;
    }
    reply_array(c->out, c->argc - 2);
    for (int i = 2; i < c->argc; i++)
        command_reply_info(c->out, find(c, c->argv[i]));
}

static void cmd_command_docs(struct call *c)
{
    const struct cmd_table *t = c->server->commands;
    if (c->argc == 2) {
        reply_map(c->out, cmd_table_count(t));
        for (int i = 0; i < cmd_table_count(t); i++)
            command_reply_docs(c->out, c->scratch, cmd_table_at(t, i));
        return;
    }
    int known = 0;
    for (int i = 2; i < c->argc; i++)
        known += find(c, c->argv[i]) != NULL;
    reply_map(c->out, known);
    for (int i = 2; i < c->argc; i++) {
        const struct cmd *cmd = find(c, c->argv[i]);
        if (cmd)
            command_reply_docs(c->out, c->scratch, cmd);
    }
}

/* ---- LIST ---- */

struct list_filter {
    bool none;             /* a filter that nothing passes: there are no modules */
    struct slice category; /* ptr NULL: any */
    struct slice pattern;
};

static bool list_parse(struct call *c, struct list_filter *f)
{
    *f = (struct list_filter){ 0 };
    if (c->argc == 2)
        return true;
    if (c->argc == 5 && slice_is(c->argv[2], "filterby")) {
        if (slice_is(c->argv[3], "module")) {
            f->none = true;
            return true;
        }
        if (slice_is(c->argv[3], "aclcat")) {
            f->category = c->argv[4];
            return true;
        }
        if (slice_is(c->argv[3], "pattern")) {
            f->pattern = c->argv[4];
            return true;
        }
    }
    reply_syntax_error(c->out);
    return false;
}

static bool list_passes(const struct list_filter *f, const struct cmd *cmd)
{
    const char *categories[COMMAND_CATEGORIES_MAX];
    if (f->none)
        return false;
    if (f->pattern.ptr)
        return glob_match(f->pattern, slice_str(cmd->full_name), true);
    if (!f->category.ptr)
        return true;
    command_categories(cmd, categories);
    for (int i = 0; categories[i]; i++) {
        if (slice_is(f->category, categories[i]))
            return true;
    }
    return false;
}

static void cmd_command_list(struct call *c)
{
    const struct cmd_table *t = c->server->commands;
    struct list_filter f;
    int count = 0;
    if (!list_parse(c, &f))
        return;
    for (int id = 0; id < cmd_table_id_count(t); id++)
        count += list_passes(&f, cmd_table_by_id(t, id));
    reply_array(c->out, count);
    for (int id = 0; id < cmd_table_id_count(t); id++) {
        const struct cmd *cmd = cmd_table_by_id(t, id);
        if (list_passes(&f, cmd))
            reply_bulk_str(c->out, cmd->full_name);
    }
}

/* ---- GETKEYS ---- */

/* The call that is asked about: argv from 2 on. */
struct asked {
    const struct cmd *cmd;
    const struct slice *argv;
    int argc;
    int *keys; /* argument indexes */
    int key_count;
};

/* Unlike cmd_keys, it does not mind a last group that is incomplete, as Redis does not. */
static int keys_of_range(const struct cmd_keys *k, int argc, int *out)
{
    int last = k->last < 0 ? argc + k->last : k->last, n = 0;
    for (int i = k->first; i <= last && i < argc; i += k->step)
        out[n++] = i;
    return n;
}

static bool ask_keys(struct call *c, struct asked *a)
{
    a->argv = c->argv + 2;
    a->argc = c->argc - 2;
    a->cmd = cmd_table_find(c->server->commands, a->argv[0]);
    if (a->cmd && a->cmd->sub_count && a->argc > 1)
        a->cmd = cmd_find_sub(a->cmd, a->argv[1]);
    if (!a->cmd) {
        reply_error(c->out, "ERR Invalid command specified");
        return false;
    }
    const struct cmd_spec *spec = a->cmd->spec;
    if (!spec->keys.first) {
        reply_error(c->out, "ERR The command has no key arguments");
        return false;
    }
    if ((spec->arity > 0 && spec->arity != a->argc) || a->argc < -spec->arity) {
        reply_error(c->out, "ERR Invalid number of arguments specified for command");
        return false;
    }
    a->keys = arena_alloc(c->scratch, sizeof(*a->keys) * (size_t)a->argc);
    if (!a->keys) {
        reply_no_memory(c->out);
        return false;
    }
    a->key_count = spec->keys.count_at ? cmd_keys(spec, a->argv, a->argc, a->keys, a->argc)
                                       : keys_of_range(&spec->keys, a->argc, a->keys);
    if (a->key_count <= 0) {
        reply_error(c->out, "ERR Invalid arguments specified for command");
        return false;
    }
    return true;
}

static void cmd_command_getkeys(struct call *c)
{
    struct asked a;
    if (!ask_keys(c, &a))
        return;
    reply_array(c->out, a.key_count);
    for (int i = 0; i < a.key_count; i++)
        reply_bulk(c->out, a.argv[a.keys[i]]);
}

/* SET only looks at the old value if an option makes it. */
static uint16_t flags_now(const struct asked *a, int key)
{
    const struct cmd_keys *k = &a->cmd->spec->keys;
    uint16_t flags = key && k->flags2 ? k->flags2 : k->flags;
    if (!(flags & KEY_VARIABLE_FLAGS))
        return flags;
    flags &= (uint16_t)~KEY_VARIABLE_FLAGS;
    for (int i = 3; i < a->argc; i++) {
        static const char *const reading[] = { "get", "ifeq", "ifne", "ifdeq", "ifdne" };
        for (size_t n = 0; n < sizeof(reading) / sizeof(reading[0]); n++) {
            if (slice_is(a->argv[i], reading[n]))
                return flags;
        }
    }
    return KEY_OW | KEY_UPDATE;
}

static void cmd_command_getkeysandflags(struct call *c)
{
    struct asked a;
    if (!ask_keys(c, &a))
        return;
    reply_array(c->out, a.key_count);
    for (int i = 0; i < a.key_count; i++) {
        reply_array(c->out, 2);
        reply_bulk(c->out, a.argv[a.keys[i]]);
        command_reply_key_flags(c->out, flags_now(&a, i));
    }
}

static void cmd_command_help(struct call *c)
{
    static const char *const lines[] = {
        "(no subcommand)",
        "    Tell about all commands what INFO tells.",
        "COUNT",
        "    Tell how many commands there are.",
        "DOCS [<command-name> ...]",
        "    Tell what commands (all of them, if none is named) are for.",
        "GETKEYS <full-command>",
        "    Tell which arguments of a command are keys.",
        "GETKEYSANDFLAGS <full-command>",
        "    The same, with what is done to each key.",
        "INFO [<command-name> ...]",
        "    Tell how commands (all of them, if none is named) are called.",
        "LIST [FILTERBY (MODULE <name> | ACLCAT <category> | PATTERN <pattern>)]",
        "    Tell the names of the commands.",
        NULL,
    };
    reply_help(c->out, "COMMAND", lines);
}

/* ---- the table ---- */

enum { FLAGS = CMD_LOADING | CMD_STALE };

/* clang-format off */
#define SUB(sub_name, sub_arity, function) \
    .name = (sub_name), .arity = (sub_arity), .flags = FLAGS, .acl = ACL_CONNECTION, \
    .group = GROUP_SERVER, .route = ROUTE_SESSION, .handler = (function)
/* clang-format on */

static const struct cmd_spec command_subs[] = {
    { SUB("count", 2, cmd_command_count), .since = "2.8.13", .complexity = "O(1)",
      .summary = "Tell how many commands there are." },
    { SUB("docs", -2, cmd_command_docs), .since = "7.0.0",
      .complexity = "O(N) with N named commands",
      .summary = "Tell what commands are for and which arguments they take.",
      .args = "[command-name [command-name ...]]", .tips = "nondeterministic_output_order" },
    { SUB("getkeys", -4, cmd_command_getkeys), .since = "2.8.13",
      .complexity = "O(N) with N arguments",
      .summary = "Tell which arguments of a command are keys.", .args = "command [arg [arg ...]]" },
    { SUB("getkeysandflags", -4, cmd_command_getkeysandflags), .since = "7.0.0",
      .complexity = "O(N) with N arguments",
      .summary = "Tell which arguments of a command are keys, and what is done to them.",
      .args = "command [arg [arg ...]]" },
    { SUB("help", 2, cmd_command_help), .since = "5.0.0", .complexity = "O(1)",
      .summary = "Tell what the subcommands do." },
    { SUB("info", -2, cmd_command_info), .since = "2.8.13",
      .complexity = "O(N) with N named commands",
      .summary = "Tell how commands are called: arity, flags, keys, categories.",
      .args = "[command-name [command-name ...]]", .tips = "nondeterministic_output_order",
      .history = "7.0.0: Without names it tells about all commands." },
    { SUB("list", -2, cmd_command_list), .since = "7.0.0", .complexity = "O(N) with N commands",
      .summary = "Tell the names of the commands.",
      .args = "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
      .tips = "nondeterministic_output_order" },
    { .name = NULL },
};

static const struct cmd_spec command_specs[] = {
    { SUB("command", -1, cmd_command), .subs = command_subs, .since = "2.8.13",
      .complexity = "O(N) with N commands", .summary = "Tell how all commands are called.",
      .tips = "nondeterministic_output_order" },
    { .name = NULL },
};

const struct cmd_spec *command_command_specs(void)
{
    return command_specs;
}
