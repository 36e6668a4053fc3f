/* table: all commands by name, made once at start and not changed after; any thread reads. */
#ifndef KV_COMMANDS_TABLE_H
#define KV_COMMANDS_TABLE_H

#include <stdint.h>

#include "kv/base/slice.h"
#include "kv/commands/spec.h"

enum { CMD_NAME_MAX_BYTES = 64 };

/* A spec in its place: the counters of every loop are arrays indexed by id. */
struct cmd {
    const struct cmd_spec *spec;
    const struct cmd *parent; /* of a subcommand */
    const struct cmd *subs;   /* sub_count of them, side by side */
    int sub_count;
    int id;
    char full_name[CMD_NAME_MAX_BYTES]; /* "client|list" */
};

struct cmd_table;

struct cmd_table *cmd_table_new(void); /* NULL: out of memory */
void cmd_table_free(struct cmd_table *t);
/* Case does not matter. NULL: unknown. */
const struct cmd *cmd_table_find(const struct cmd_table *t, struct slice name);
const struct cmd *cmd_find_sub(const struct cmd *parent, struct slice name);
int cmd_table_count(
    const struct cmd_table *t); /* commands without subcommands, side by side from 0 */
int cmd_table_id_count(const struct cmd_table *t); /* all, with subcommands */
const struct cmd *cmd_table_at(const struct cmd_table *t, int index);
const struct cmd *cmd_table_by_id(const struct cmd_table *t, int id);

/* The keys of a call: fills indexes (may be NULL to count) with the argument index of each key. Returns the count, -1 if the
 * arguments do not fit the specification. */
int cmd_keys(const struct cmd_spec *spec, const struct slice *argv, int argc, int *indexes,
             int max);

#endif
