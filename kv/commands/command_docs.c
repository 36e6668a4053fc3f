/* command_docs: COMMAND DOCS's form of a row. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "kv/commands/args.h"
#include "kv/commands/command_info.h"
#include "kv/resp/reply.h"

static const char *group_name(const struct cmd_spec *spec)
{
    switch ((enum cmd_group)spec->group) {
    case GROUP_GENERIC:
        return "generic";
    case GROUP_STRING:
        return "string";
    case GROUP_CONNECTION:
        return "connection";
    case GROUP_SERVER:
        return "server";
    }
    assert(!"group");
    return "";
}

static void field(struct reply *out, const char *name, const char *text)
{
    reply_bulk_str(out, name);
    reply_bulk_str(out, text);
}

/* Lines "6.0.0: What happened." become pairs. */
static void reply_history(struct reply *out, const char *history)
{
    int count = 1;
    for (const char *p = history; *p; p++)
        count += p[0] == '\n' && p[1];
    reply_bulk_str(out, "history");
    reply_set(out, count);
    for (const char *p = history; count--;) {
        size_t version = strcspn(p, ":"), line = strcspn(p, "\n");
        assert(version + 2 <= line);
        reply_array(out, 2);
        reply_bulk(out, slice_of(p, version));
        reply_bulk(out, slice_of(p + version + 2, line - version - 2));
        p += line + (p[line] == '\n');
    }
}

/* ---- arguments ---- */

struct arg_docs {
    struct reply *out;
    const struct cmd *cmd;
    int keys_seen; /* so that the second key of two gets the second specification */
};

static const char *arg_type(const struct arg_docs *d, const struct arg *a)
{
    switch (a->kind) {
    case ARG_VALUE:
        if (strcmp(a->token, "BYFLOAT") == 0)
            return "double";
        return args_value_type(d->cmd->full_name, a->name);
    case ARG_TOKEN:
        return "pure-token";
    case ARG_BLOCK:
        return "block";
    case ARG_ONEOF:
        return "oneof";
    }
    return "";
}

static void reply_arg(struct arg_docs *d, const struct arg *a)
{
    struct reply *out = d->out;
    const char *type = arg_type(d, a);
    int key_specs = command_key_spec_count(d->cmd->spec);
    bool is_key = strcmp(type, "key") == 0 && key_specs > 0;
    reply_map(out, 2 + is_key + (*a->token != '\0') + (a->optional || a->multiple) +
                       (a->child_count > 0));
    field(out, "name", a->name);
    field(out, "type", is_key || strcmp(type, "key") != 0 ? type : "string");
    if (is_key) {
        reply_bulk_str(out, "key_spec_index");
        reply_int(out, d->keys_seen < key_specs ? d->keys_seen : key_specs - 1);
        d->keys_seen++;
    }
    if (*a->token)
        field(out, "token", a->token);
    if (a->optional || a->multiple) {
        reply_bulk_str(out, "flags");
        reply_set(out, a->optional + a->multiple);
        if (a->optional)
            reply_status(out, "optional");
        if (a->multiple)
            reply_status(out, "multiple");
    }
    if (!a->child_count)
        return;
    reply_bulk_str(out, "arguments");
    reply_array(out, a->child_count);
    for (const struct arg *child = a->children; child; child = child->next)
        reply_arg(d, child);
}

void command_reply_docs(struct reply *out, struct arena *scratch, const struct cmd *cmd)
{
    const struct cmd_spec *s = cmd->spec;
    struct arg_docs docs = { .out = out, .cmd = cmd };
    int arg_count = 0;
    const struct arg *args = args_parse(scratch, s->args, &arg_count);
    bool deprecated = s->flags & CMD_DEPRECATED;
    reply_bulk_str(out, cmd->full_name);
    reply_map(out, 2 + (s->since != NULL) + (s->complexity != NULL) + deprecated +
                       (s->deprecated_since != NULL) + (s->replaced_by != NULL) +
                       (s->history != NULL) + (arg_count > 0) + (cmd->sub_count > 0));
    field(out, "summary", s->summary ? s->summary : "");
    if (s->since)
        field(out, "since", s->since);
    field(out, "group", group_name(s));
    if (s->complexity)
        field(out, "complexity", s->complexity);
    if (deprecated) {
        reply_bulk_str(out, "doc_flags");
        reply_set(out, 1);
        reply_status(out, "deprecated");
    }
    if (s->deprecated_since)
        field(out, "deprecated_since", s->deprecated_since);
    if (s->replaced_by)
        field(out, "replaced_by", s->replaced_by);
    if (s->history)
        reply_history(out, s->history);
    if (arg_count > 0) {
        reply_bulk_str(out, "arguments");
        reply_array(out, arg_count);
        for (; args; args = args->next)
            reply_arg(&docs, args);
    }
    if (cmd->sub_count == 0)
        return;
    reply_bulk_str(out, "subcommands");
    reply_map(out, cmd->sub_count);
    for (int i = 0; i < cmd->sub_count; i++)
        command_reply_docs(out, scratch, &cmd->subs[i]);
}
