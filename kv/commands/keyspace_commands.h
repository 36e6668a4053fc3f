/* keyspace_commands: handlers of keyspace.c's table that have a file of their own. */
#ifndef KV_COMMANDS_KEYSPACE_COMMANDS_H
#define KV_COMMANDS_KEYSPACE_COMMANDS_H

struct call;

/* keyspace_debug.c. It runs with all shards held. */
void keyspace_cmd_debug(struct call *c);

#endif
