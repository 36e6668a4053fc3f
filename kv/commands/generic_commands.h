/* generic_commands: the handlers of the generic group, for the group's table in generic.c. They run
 * on the thread that holds the shards of the call's keys and write one reply each. */
#ifndef KV_COMMANDS_GENERIC_COMMANDS_H
#define KV_COMMANDS_GENERIC_COMMANDS_H

#include <stdbool.h>

struct call;
struct entry;

/* generic_key.c */
void generic_cmd_del(struct call *c); /* and UNLINK */
void generic_cmd_exists(struct call *c);
void generic_cmd_touch(struct call *c);
void generic_cmd_type(struct call *c);

/* generic_expire.c */
void generic_cmd_expire(struct call *c);
void generic_cmd_expireat(struct call *c);
void generic_cmd_pexpire(struct call *c);
void generic_cmd_pexpireat(struct call *c);
void generic_cmd_expiretime(struct call *c);
void generic_cmd_pexpiretime(struct call *c);
void generic_cmd_ttl(struct call *c);
void generic_cmd_pttl(struct call *c);
void generic_cmd_persist(struct call *c);

/* generic_move.c */
void generic_cmd_copy(struct call *c);
void generic_cmd_move(struct call *c);
void generic_cmd_rename(struct call *c);
void generic_cmd_renamenx(struct call *c);

/* generic_scan.c */
void generic_cmd_keys(struct call *c);
void generic_cmd_randomkey(struct call *c);
void generic_cmd_scan(struct call *c);
int generic_scan_shard(const struct call *c, int shard_count);

/* generic_object.c */
void generic_cmd_object_encoding(struct call *c);
void generic_cmd_object_freq(struct call *c);
void generic_cmd_object_help(struct call *c);
void generic_cmd_object_idletime(struct call *c);
void generic_cmd_object_refcount(struct call *c);

/* What OBJECT REFCOUNT answers. (generic_object.c) */
int generic_refcount(const struct entry *e);
/* argv[arg] as the index of a database. False: the error is written. (generic_move.c) */
bool generic_database(struct call *c, int arg, int *db);

#endif
