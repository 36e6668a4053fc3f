/* config_table: the directives. What a row says is all there is to know about one. */
#include <limits.h>

#include "kv/admin/config_internal.h"

enum {
    LOOPS_MAX = 256,
    MIB = 1024 * 1024,
};

static const char *const loglevels[] = { "debug", "verbose", "notice", "warning", "nothing", NULL };
static const char *const balances[] = { "round-robin", "random", "least-connections", NULL };
static const char *const locals[] = { "no", "yes", "local", NULL };

/* clang-format off */
#define AT(field) .offset = offsetof(struct config, field)
#define FLAG(initial) .kind = CONFIG_BOOL, .max = 1, .def = (initial)
#define RANGE(low, high, initial) .kind = CONFIG_INT, .min = (low), .max = (high), .def = (initial)
#define TEXT(initial) .kind = CONFIG_TEXT, .def_text = (initial)
#define CHOICE(choices, initial) .kind = CONFIG_ENUM, .names = (choices), .def = (initial)
/* clang-format on */

static const struct directive directives[] = {
    { .name = "port", AT(port), RANGE(0, 65535, 6379), .doc = "TCP port to listen on; 0: no TCP" },
    { .name = "bind",
      AT(bind),
      .kind = CONFIG_WORDS,
      .def_text = "* -::*",
      .doc = "addresses to listen on; one that begins with - may be missing on this machine" },
    { .name = "protected-mode",
      AT(protected_mode),
      FLAG(1),
      .change = CONFIG_LIVE,
      .doc = "without a password, serve clients of this machine only" },
    { .name = "unixsocket",
      AT(unixsocket),
      TEXT(""),
      .doc = "path of a Unix socket to listen on; empty: none" },
    { .name = "unixsocketperm",
      AT(unixsocketperm),
      .kind = CONFIG_OCTAL,
      .max = 0777,
      .doc = "permission bits of that socket, in octal; 0: as the umask says" },
    { .name = "loops",
      AT(loops),
      RANGE(-1, LOOPS_MAX, 1),
      .doc = "threads, each with its own connections and part of the keys; -1: one a CPU" },
    { .name = "balance",
      AT(balance),
      CHOICE(balances, BALANCE_ROUND_ROBIN),
      .doc = "which loop a new connection goes to: round-robin, random or least-connections" },
    { .name = "reuseport",
      AT(reuseport),
      FLAG(0),
      .doc = "a listening socket for every loop, between which the kernel chooses" },
    { .name = "pin-loops", AT(pin_loops), FLAG(0), .doc = "keep each loop on a CPU of its own" },
    { .name = "databases",
      AT(databases),
      RANGE(1, INT_MAX, 16),
      .doc = "how many databases SELECT can choose from" },
    { .name = "maxclients",
      AT(maxclients),
      RANGE(1, UINT_MAX, 10000),
      .change = CONFIG_LIVE,
      .doc = "most clients connected at the same time" },
    { .name = "timeout",
      AT(timeout),
      RANGE(0, INT_MAX, 0),
      .change = CONFIG_LIVE,
      .doc = "close a client that was idle for so many seconds; 0: never" },
    { .name = "tcp-keepalive",
      AT(tcp_keepalive),
      RANGE(0, INT_MAX, 300),
      .change = CONFIG_LIVE,
      .doc = "seconds of silence after which the kernel asks if a client is still there; 0: off" },
    { .name = "tcp-backlog",
      AT(tcp_backlog),
      RANGE(0, INT_MAX, 511),
      .doc = "connections the kernel holds before they are accepted" },
    { .name = "requirepass",
      AT(requirepass),
      TEXT(""),
      .change = CONFIG_LIVE,
      .doc = "password that clients must give (AUTH); empty: none" },
    { .name = "proto-max-bulk-len",
      AT(proto_max_bulk_len),
      .kind = CONFIG_MEMORY,
      .min = MIB,
      .max = LLONG_MAX,
      .def = 512LL * MIB,
      .change = CONFIG_LIVE,
      .doc = "longest argument of a command; for clients that connect from now on" },
    { .name = "client-output-high-water",
      AT(client_output_high_water),
      .kind = CONFIG_MEMORY,
      .min = 16 * 1024,
      .max = 1024LL * MIB,
      .def = MIB,
      .doc = "unread replies at which a client is no longer read from" },
    { .name = "enable-debug-command",
      AT(enable_debug_command),
      CHOICE(locals, LOCAL_NO),
      .doc = "DEBUG: no, yes, or local (from this machine only)" },
    { .name = "loglevel",
      AT(loglevel),
      CHOICE(loglevels, LOGLEVEL_NOTICE),
      .change = CONFIG_LIVE,
      .doc = "least important event to log: debug, verbose, notice, warning or nothing" },
    { .name = "logfile", AT(logfile), TEXT(""), .doc = "file to log to; empty: standard output" },
    { .name = "daemonize", AT(daemonize), FLAG(0), .doc = "run in the background" },
    { .name = "pidfile",
      AT(pidfile),
      TEXT(""),
      .doc = "file to write the process id to; empty: none" },
    { .name = "dir", AT(dir), TEXT("."), .change = CONFIG_PROTECTED, .doc = "working directory" },
    { .name = "save",
      .kind = CONFIG_ABSENT,
      .def_text = "",
      .change = CONFIG_LIVE,
      .doc = "when to write snapshots; only the empty value (never) is possible so far" },
    { .name = "appendonly",
      .kind = CONFIG_ABSENT,
      .def_text = "no",
      .change = CONFIG_LIVE,
      .doc = "whether writes are kept in a file; only no is possible so far" },
    { .name = "hz",
      AT(hz),
      RANGE(1, 500, 10),
      .doc = "taken so that files written for Redis load; nothing here ticks" },
    { .name = NULL },
};

const struct directive *config_directives(void)
{
    return directives;
}
