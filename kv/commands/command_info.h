/* command_info: what COMMAND tells about a row, all of it derived from the row. Pure but for the reply. */
#ifndef KV_COMMANDS_COMMAND_INFO_H
#define KV_COMMANDS_COMMAND_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "kv/base/arena.h"
#include "kv/commands/table.h"

struct reply;

enum { COMMAND_CATEGORIES_MAX = 24 };

/* The ACL categories ("write", "string", "slow", ...), NULL-terminated; returns how many. */
int command_categories(const struct cmd *cmd, const char *out[COMMAND_CATEGORIES_MAX]);
/* The ten elements of COMMAND INFO. cmd NULL: null. */
void command_reply_info(struct reply *out, const struct cmd *cmd);
/* Name and map, as COMMAND DOCS has them. */
void command_reply_docs(struct reply *out, struct arena *scratch, const struct cmd *cmd);
/* How many key specifications a row has. */
int command_key_spec_count(const struct cmd_spec *spec);
/* The flags of a key ("RW", "access", ...) as a set of statuses. */
void command_reply_key_flags(struct reply *out, uint16_t flags);

#endif
