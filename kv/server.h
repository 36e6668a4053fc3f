/* server: all of evio-kv in one process: configuration, commands, workers. What is shared by all loops is here, and is
 * constant after the start, or atomic. */
#ifndef KV_SERVER_H
#define KV_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "evio/evio.h"
#include "kv/admin/config.h"
#include "kv/admin/log.h"
#include "kv/commands/table.h"

enum { RUN_ID_BYTES = 40, SERVER_STOP_DEADLINE_MS = 5000 };

struct gate;
struct worker;

/* Commands, bytes in, bytes out: how many there were at the last sample, and how many a second before it. */
struct server_rates {
    _Atomic int64_t at_ms; /* Unix time of the sample; 0: none yet */
    _Atomic uint64_t total[3], per_s[3];
};

struct server {
    struct config *config;
    struct log *log;
    struct cmd_table *commands;
    struct evio_server *evio;
    struct worker **workers; /* one a loop, each with one shard */
    int worker_count;
    struct gate *gate; /* engine/gate.h */
    uint64_t hash_seed;
    char run_id[RUN_ID_BYTES + 1];
    int64_t started_ms; /* Unix time */
    int tcp_port;       /* really bound */
    _Atomic uint64_t next_client_id;
    _Atomic int64_t connected_clients;
    _Atomic uint64_t rejected_connections;
    _Atomic int64_t pause_until_ms; /* CLIENT PAUSE; Unix time, 0: not paused */
    _Atomic bool pause_writes_only;
    _Atomic bool active_expire; /* DEBUG SET-ACTIVE-EXPIRE */
    _Atomic bool stopping;
    _Atomic int quiet_workers; /* while stopping: have nothing in flight any more */
    struct server_rates rates; /* INFO's, which samples them */
};

/* Builds everything and binds; `error` says what failed. NULL: failed. `config` and `log` stay the caller's. */
struct server *server_new(struct config *config, struct log *log, char *error, size_t error_bytes);
/* Serves until it is told to stop. 0 or a negative errno. */
int server_run(struct server *s);
void server_free(struct server *s);
/* Finish what runs, flush replies, return from server_run. [any thread, async-signal-safe] */
void server_stop(struct server *s);
int64_t server_unix_ms(void);
/* CLIENT PAUSE and UNPAUSE: until that Unix time clients' commands (or only those that write) wait. [any thread] */
void server_pause(struct server *s, int64_t until_ms, bool writes_only);
void server_unpause(struct server *s);
/* Version texts. */
#define EVIO_KV_VERSION "0.1.0"
#define REDIS_VERSION_CLAIMED "7.2.4"

#endif
