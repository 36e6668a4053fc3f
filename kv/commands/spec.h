/* spec: a command as data. One const table a group, next to its handlers; arity checks, routing, COMMAND's answers, ACL
 * categories and help all come from a row. Pure data: any thread. */
#ifndef KV_COMMANDS_SPEC_H
#define KV_COMMANDS_SPEC_H

#include <stdint.h>

struct call;

/* As COMMAND INFO shows them (movablekeys is derived from keys.count_at). */
enum cmd_flag {
    CMD_WRITE = 1 << 0,
    CMD_READ = 1 << 1, /* "readonly" */
    CMD_DENYOOM = 1 << 2,
    CMD_ADMIN = 1 << 3,
    CMD_PUBSUB = 1 << 4,
    CMD_NOSCRIPT = 1 << 5,
    CMD_BLOCKING = 1 << 6,
    CMD_LOADING = 1 << 7,
    CMD_STALE = 1 << 8,
    CMD_SKIP_MONITOR = 1 << 9,
    CMD_SKIP_SLOWLOG = 1 << 10,
    CMD_FAST = 1 << 11,
    CMD_NO_AUTH = 1 << 12, /* runs before authentication */
    CMD_MAY_REPLICATE = 1 << 13,
    CMD_NO_ASYNC_LOADING = 1 << 14,
    CMD_NO_MULTI = 1 << 15,
    CMD_ALLOW_BUSY = 1 << 16,
    /* not shown: */
    CMD_NO_MANDATORY_KEYS = 1 << 17,
    CMD_DEPRECATED = 1 << 18, /* doc_flags of COMMAND DOCS */
};

/* ACL categories beyond those that follow from flags (write, read, admin+dangerous, fast/slow, blocking, pubsub)
 * and group (string, connection, ...). */
enum cmd_acl {
    ACL_KEYSPACE = 1 << 0,
    ACL_DANGEROUS = 1 << 1,
    ACL_CONNECTION = 1 << 2,
    ACL_TRANSACTION = 1 << 3,
    ACL_SCRIPTING = 1 << 4,
    ACL_ADMIN = 1 << 5, /* of commands without CMD_ADMIN */
};

enum cmd_group {
    GROUP_GENERIC,
    GROUP_STRING,
    GROUP_CONNECTION,
    GROUP_SERVER,
};

/* Key specification flags, as COMMAND INFO shows them. */
enum key_flag {
    KEY_RO = 1 << 0,
    KEY_RW = 1 << 1,
    KEY_OW = 1 << 2,
    KEY_RM = 1 << 3,
    KEY_ACCESS = 1 << 4,
    KEY_UPDATE = 1 << 5,
    KEY_INSERT = 1 << 6,
    KEY_DELETE = 1 << 7,
    KEY_VARIABLE_FLAGS = 1 << 8,
};

/* Where the keys are: first..last (negative: from the end) every step arguments; or, with count_at set, argv[count_at] says
 * how many there are from `first` on. first 0: none. flags2: of the second key where it differs (RENAME, COPY). */
struct cmd_keys {
    int8_t first, last, step, count_at;
    uint16_t flags, flags2;
};

/* Which thread runs it. */
enum cmd_route {
    ROUTE_KEYS, /* the shard of its keys; several shards: as `merge` says */
    ROUTE_SESSION, /* the connection's loop, at once: it depends on nothing that other commands change */
    ROUTE_LOCAL, /* the connection's loop, after everything the connection sent before it */
    ROUTE_ALL,   /* a part on every shard, merged as `merge` says */
    ROUTE_LOOPS, /* a part on every loop, by its own thread (clients, not keys), merged as `merge` says */
    ROUTE_HOLD_ALL, /* once, holding all shards */
    ROUTE_SHARD,    /* the shard that `shard_of` names */
};

/* What becomes of a command whose keys lie on several shards (ROUTE_KEYS) or that has a part on each (ROUTE_ALL). */
enum cmd_merge {
    MERGE_HOLD, /* it runs once, whole, holding all shards of its keys */
    MERGE_SUM,  /* each shard runs it on its own keys; the integers are added */
    MERGE_FIRST, /* the same; all answer alike (OK) and the first is taken, an error before anything else */
    MERGE_BY_KEY, /* each answers an array with an element a key; put into the order of the keys */
    MERGE_CONCAT, /* arrays, one behind the other */
    MERGE_TEXT,   /* bulk or verbatim strings, one behind the other, as one of the first's kind */
};

struct cmd_spec {
    const char *name;
    int arity; /* with the name; negative: at least */
    uint32_t flags;
    struct cmd_keys keys;
    uint16_t acl;
    uint8_t group; /* enum cmd_group */
    uint8_t route; /* enum cmd_route */
    uint8_t merge; /* enum cmd_merge */
    void (*handler)(struct call *c);
    int (*shard_of)(const struct call *c, int shard_count);
    /* With MERGE_SUM: writes the reply from the sum, on the connection's loop. NULL: the integer itself. */
    void (*merged)(struct call *c, int64_t sum);
    const struct cmd_spec *
        subs; /* subcommands, ended by a row without a name; handler: of the bare command, or NULL */
    const char *since, *complexity, *summary;
    const char *
        args; /* "key value [NX | XX] [EX seconds | PX milliseconds | KEEPTTL]", names as in Redis's docs */
    const char *tips;    /* space-separated command tips, NULL: none */
    const char *history; /* "6.0.0: Added the `KEEPTTL` option.\n...", NULL: none */
    const char *replaced_by, *deprecated_since; /* with CMD_DEPRECATED */
};

/* The groups' tables, each ended by a row without a name. */
const struct cmd_spec *string_command_specs(void);
const struct cmd_spec *generic_command_specs(void);
const struct cmd_spec *keyspace_command_specs(void); /* DBSIZE FLUSHALL FLUSHDB SWAPDB DEBUG ... */
const struct cmd_spec *connection_command_specs(void);
const struct cmd_spec *client_command_specs(void);
const struct cmd_spec *server_command_specs(void); /* INFO CONFIG TIME LOLWUT SHUTDOWN WAIT ... */
const struct cmd_spec *command_command_specs(void);

#endif
