/* string_commands: the handlers of the string group, for the group's table in string.c. They run on
 * the thread that holds the shards of the call's keys and write one reply each. */
#ifndef KV_COMMANDS_STRING_COMMANDS_H
#define KV_COMMANDS_STRING_COMMANDS_H

struct call;

/* string_read.c */
void string_cmd_get(struct call *c);
void string_cmd_getdel(struct call *c);
void string_cmd_getex(struct call *c);
void string_cmd_getrange(struct call *c); /* and SUBSTR */
void string_cmd_mget(struct call *c);
void string_cmd_strlen(struct call *c);
void string_cmd_digest(struct call *c);

/* string_write.c */
void string_cmd_set(struct call *c);
void string_cmd_setnx(struct call *c);
void string_cmd_setex(struct call *c);
void string_cmd_psetex(struct call *c);
void string_cmd_getset(struct call *c);
void string_cmd_mset(struct call *c);
void string_cmd_msetnx(struct call *c);
void string_cmd_msetex(struct call *c);
void string_cmd_append(struct call *c);
void string_cmd_setrange(struct call *c);
void string_cmd_delex(struct call *c);
void string_cmd_delifeq(struct call *c);

/* string_count.c */
void string_cmd_incr(struct call *c);
void string_cmd_decr(struct call *c);
void string_cmd_incrby(struct call *c);
void string_cmd_decrby(struct call *c);
void string_cmd_incrbyfloat(struct call *c);
void string_cmd_increx(struct call *c);

/* string_lcs.c */
void string_cmd_lcs(struct call *c);

#endif
