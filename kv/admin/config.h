/* config: the directives: from the file, the command line and CONFIG SET. One table describes
 * them all (name, kind, limits, default, whether it may change at run time, one line of
 * documentation).
 *
 * Written before the loops start, then only by CONFIG SET on any loop, under the config's own
 * mutex. Numbers and flags are atomics that any thread reads relaxed; a text that may change is
 * swapped whole (config_text), its old copies are kept until the end. */
#ifndef KV_ADMIN_CONFIG_H
#define KV_ADMIN_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "kv/base/slice.h"

struct config_store;
struct reply;

enum config_loglevel {
    LOGLEVEL_DEBUG,
    LOGLEVEL_VERBOSE,
    LOGLEVEL_NOTICE,
    LOGLEVEL_WARNING,
    LOGLEVEL_NOTHING
};
enum config_balance { BALANCE_ROUND_ROBIN, BALANCE_RANDOM, BALANCE_LEAST_CONNECTIONS };
enum config_local { LOCAL_NO, LOCAL_YES, LOCAL_LOCAL }; /* enable-debug-command */

typedef _Atomic int64_t config_int;
typedef const char *_Atomic config_text; /* never NULL */

struct config {
    config_int port;  /* 0: no TCP */
    config_text bind; /* space-separated; "-" before an address: it may be missing */
    config_int protected_mode;
    config_text unixsocket;    /* empty: none */
    config_int unixsocketperm; /* octal; 0: as umask says */
    config_int loops;          /* -1: one a CPU */
    config_int balance;
    config_int reuseport;
    config_int databases;
    config_int maxclients;
    config_int timeout;       /* s; 0: never */
    config_int tcp_keepalive; /* s; 0: off */
    config_int tcp_backlog;
    config_text requirepass; /* empty: none */
    config_int loglevel;
    config_text logfile; /* empty: standard output */
    config_int daemonize;
    config_text pidfile;
    config_int enable_debug_command;
    config_int proto_max_bulk_len;
    config_int client_output_high_water; /* unread bytes at which a client is no longer read from */
    config_int pin_loops;
    config_int hz; /* accepted for compatibility of config files; nothing ticks */
    config_text dir;
    struct config_store *store; /* private to admin/config*.c */
};

/* Defaults. 0 or -ENOMEM. */
int config_init(struct config *c);
void config_deinit(struct config *c);
/* argv as of redis-server: an optional file first ("-" is standard input), then "--name value
 * [value]" any number of times. On failure -EINVAL and `error` says which directive, where, and
 * what is wrong. */
int config_load(struct config *c, int argc, char **argv, char *error, size_t error_bytes);
/* Replies for CONFIG GET pattern..., CONFIG SET name value... (all or nothing, Redis's error
 * texts). */
void config_reply_get(struct config *c, struct reply *out, const struct slice *patterns, int count);
/* `changed` is called for each directive that changed, after all of them are in force. */
void config_reply_set(struct config *c, struct reply *out, const struct slice *pairs,
                      int pair_count, void (*changed)(void *arg, const char *name), void *arg);
/* Every directive with its default and its line of documentation, for --help. `out` is a FILE. */
void config_print_help(void *out);
const char *config_file(const struct config *c); /* absolute path, "" if there is none */

#endif
